-- What Prisma's schema language cannot say. Prisma neither writes nor compares these.

-- No code and no refresh token without a grant, and so (grants.consent_id) without a consent.
ALTER TABLE "artifacts" ADD CONSTRAINT "artifacts_grant_required"
    CHECK ("kind" NOT IN ('AuthorizationCode', 'RefreshToken') OR "grant_id" IS NOT NULL);

ALTER TABLE "clients" ADD CONSTRAINT "clients_origin_known"
    CHECK ("origin" IN ('dynamic', 'static', 'document', 'resource'));
ALTER TABLE "clients" ADD CONSTRAINT "clients_kind_known"
    CHECK ("kind" IN ('app', 'proxy', 'service', 'resource', 'undeclared'));

ALTER TABLE "resource_scopes" ADD CONSTRAINT "resource_scopes_sensitivity_known"
    CHECK ("sensitivity" IN ('low', 'medium', 'high'));
ALTER TABLE "resource_scopes" ADD CONSTRAINT "resource_scopes_effect_known"
    CHECK ("effect" IN ('read', 'change', 'act'));

-- A consent is alive or revoked, never both or neither.
ALTER TABLE "consents" ADD CONSTRAINT "consents_living_or_revoked"
    CHECK (("living_key" IS NULL) = ("revoked_at" IS NOT NULL));

-- The record is only ever added to.
CREATE FUNCTION "refuse_change_of_record"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the record is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER "audit_events_append_only"
    BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_record"();
