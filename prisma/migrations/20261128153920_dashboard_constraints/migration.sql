-- What Prisma's schema language cannot say of the dashboard, and the roles that administer beside `owner`.

-- Keys that exist have signed since they were made.
UPDATE "signing_keys" SET "active_from" = "created_at";

ALTER TABLE "accounts" ADD CONSTRAINT "accounts_locale_known" CHECK ("locale" IN ('en', 'ja'));
-- Ten minutes suit most; an hour is what a leaver may keep at the most.
ALTER TABLE "resources" ADD CONSTRAINT "resources_token_seconds_bounded" CHECK ("token_seconds" BETWEEN 60 AND 3600);
-- Only a client whose every word an administrator wrote may administer.
ALTER TABLE "clients" ADD CONSTRAINT "clients_admin_api_static" CHECK (NOT "admin_api" OR "origin" = 'static');
ALTER TABLE "clients" ADD CONSTRAINT "clients_previous_secret_ends"
    CHECK (("previous_secret_hash" IS NULL) = ("previous_secret_ends_at" IS NULL));
ALTER TABLE "review_campaigns" ADD CONSTRAINT "review_campaigns_subject_known" CHECK ("subject" IN ('resource', 'client'));
ALTER TABLE "review_items" ADD CONSTRAINT "review_items_decision_known"
    CHECK ("decision" IN ('pending', 'kept', 'revoked', 'expired', 'gone'));
ALTER TABLE "review_items" ADD CONSTRAINT "review_items_decided_at" CHECK (("decision" = 'pending') = ("decided_at" IS NULL));

-- A role that somebody made under one of these names must not become powerful by an update.
UPDATE "roles" SET "id" = "id" || '.before' WHERE "id" IN ('admin', 'auditor', 'resource-owner');
INSERT INTO "roles" ("id", "description") VALUES
    ('admin', 'Administers everything but owners, keys and connections'),
    ('auditor', 'Reads everything and changes nothing'),
    ('resource-owner', 'Looks after MCP servers of their own');

-- For finding part of a name among many (storage/searching.ts). Where Postgres has no pg_trgm, or nobody may switch it on
-- here, searching goes row by row: everything works, and lists of 100,000 rows take longer to search.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX "accounts_search_idx" ON "accounts"
        USING gin ((lower("email" || ' ' || coalesce("name", ''))) gin_trgm_ops);
    CREATE INDEX "clients_search_idx" ON "clients"
        USING gin ((lower("id" || ' ' || coalesce("metadata" ->> 'client_name', ''))) gin_trgm_ops);
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object THEN
        RAISE NOTICE 'pg_trgm is not available: searching goes row by row';
END $$;
