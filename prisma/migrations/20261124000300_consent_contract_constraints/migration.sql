-- What Prisma's schema language cannot say of consent_contract, and the rule that every installation begins with.

-- A downstream client is named together with where it is sent back to, or not at all.
ALTER TABLE "consents" ADD CONSTRAINT "consents_downstream_whole"
    CHECK (("downstream_client_id" IS NULL) = ("downstream_redirect_uri" IS NULL));
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_downstream_whole"
    CHECK (("downstream_client_id" IS NULL) = ("downstream_redirect_uri" IS NULL));

ALTER TABLE "consents" ADD CONSTRAINT "consents_suspension_has_reason"
    CHECK (("suspended_at" IS NULL) = ("suspended_reason" IS NULL));

ALTER TABLE "resources" ADD CONSTRAINT "resources_consent_days_bounded" CHECK ("consent_days" BETWEEN 1 AND 365);
ALTER TABLE "resource_scopes" ADD CONSTRAINT "resource_scopes_proposal_dated"
    CHECK (("proposed" IS NULL) = ("proposed_at" IS NULL));

ALTER TABLE "policy_rules" ADD CONSTRAINT "policy_rules_effect_known"
    CHECK ("effect" IN ('allow', 'ask', 'deny'));

ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_state_known"
    CHECK ("state" IN ('pending', 'approved', 'denied', 'withdrawn'));
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_open_while_pending"
    CHECK (("open_key" IS NOT NULL) = ("state" = 'pending'));
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_approved_for_somebody"
    CHECK (("state" = 'approved') = ("audience" IS NOT NULL));
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_audience_known"
    CHECK ("audience" IN ('person', 'everyone'));

ALTER TABLE "outbox_messages" ADD CONSTRAINT "outbox_messages_sink_known" CHECK ("sink" IN ('webhook', 'smtp'));

-- People approve scopes of low and medium sensitivity themselves; what is above waits for an administrator.
INSERT INTO "policy_rules" ("id", "position", "effect", "match", "note")
    VALUES ('default', 1000000, 'ask', '{"above": "medium"}', NULL);
