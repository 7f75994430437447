-- What Prisma's schema language cannot say of federation, and the role that every installation begins with.

-- Whoever was disabled before was disabled by an administrator.
UPDATE "accounts" SET "disabled_by" = ARRAY['administrator'] WHERE "disabled_at" IS NOT NULL;
-- Disabled is who somebody disabled.
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_disabled_by_somebody"
    CHECK (("disabled_at" IS NULL) = (cardinality("disabled_by") = 0));
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_role_known" CHECK ("role" IN ('owner', 'user'));
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_break_glass_has_password"
    CHECK (NOT "break_glass" OR "password_hash" IS NOT NULL);

ALTER TABLE "connections" ADD CONSTRAINT "connections_id_fits_a_path" CHECK ("id" ~ '^[a-z0-9-]{1,64}$');
-- Memberships are the word of `administrator` or of a connection: none may pass for the other.
ALTER TABLE "connections" ADD CONSTRAINT "connections_is_no_administrator" CHECK ("id" <> 'administrator');
ALTER TABLE "connections" ADD CONSTRAINT "connections_kind_known" CHECK ("kind" IN ('entra', 'oidc'));
ALTER TABLE "connections" ADD CONSTRAINT "connections_provisioning_known"
    CHECK ("provisioning" IN ('first_sign_in', 'scim'));
ALTER TABLE "connections" ADD CONSTRAINT "connections_origin_known" CHECK ("origin" IN ('cli', 'configuration'));

ALTER TABLE "role_mappings" ADD CONSTRAINT "role_mappings_source_known"
    CHECK ("source" IN ('app_role', 'group', 'scim_group'));
ALTER TABLE "resources" ADD CONSTRAINT "resources_staleness_bounded" CHECK ("staleness_minutes" BETWEEN 0 AND 1440);
ALTER TABLE "resources" ADD CONSTRAINT "resources_token_claims_known"
    CHECK ("token_claims" <@ ARRAY['oid', 'tid', 'email', 'roles']);

-- Clients are told of ended sessions (OpenID Connect Back-Channel Logout 1.0).
ALTER TABLE "outbox_messages" DROP CONSTRAINT "outbox_messages_sink_known";
ALTER TABLE "outbox_messages" ADD CONSTRAINT "outbox_messages_sink_known" CHECK ("sink" IN ('webhook', 'smtp', 'client'));

INSERT INTO "roles" ("id", "description") VALUES ('owner', 'Administers this server');
