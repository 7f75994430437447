-- DropIndex
DROP INDEX "consents_client_id_idx";

-- DropIndex
DROP INDEX "consents_resource_id_idx";

-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "locale" TEXT;

-- AlterTable
ALTER TABLE "approval_requests" ADD COLUMN     "first_approval" JSONB;

-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "admin_api" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "previous_secret_ends_at" TIMESTAMPTZ(3),
ADD COLUMN     "previous_secret_hash" TEXT,
ADD COLUMN     "secret_created_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "resources" ADD COLUMN     "built_in" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "last_check" JSONB,
ADD COLUMN     "token_seconds" INTEGER NOT NULL DEFAULT 600;

-- AlterTable
ALTER TABLE "signing_keys" ADD COLUMN     "active_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- CreateTable
CREATE TABLE "resource_owners" (
    "resource_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "resource_owners_pkey" PRIMARY KEY ("resource_id","account_id")
);

-- CreateTable
CREATE TABLE "passkeys" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "public_key" BYTEA NOT NULL,
    "counter" BIGINT NOT NULL DEFAULT 0,
    "transports" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "name" TEXT NOT NULL,
    "backed_up" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "passkeys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "totp_secrets" (
    "account_id" TEXT NOT NULL,
    "secret" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "confirmed_at" TIMESTAMPTZ(3),
    "last_step" BIGINT,

    CONSTRAINT "totp_secrets_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "recovery_codes" (
    "hash" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "recovery_codes_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "session_devices" (
    "session_uid" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "amr" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "session_devices_pkey" PRIMARY KEY ("session_uid")
);

-- CreateTable
CREATE TABLE "review_campaigns" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "review_campaigns_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "review_items" (
    "id" TEXT NOT NULL,
    "campaign_id" TEXT NOT NULL,
    "consent_id" TEXT NOT NULL,
    "snapshot" JSONB NOT NULL,
    "decision" TEXT NOT NULL DEFAULT 'pending',
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "note" TEXT,

    CONSTRAINT "review_items_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "resource_owners_account_id_idx" ON "resource_owners"("account_id");

-- CreateIndex
CREATE INDEX "passkeys_account_id_idx" ON "passkeys"("account_id");

-- CreateIndex
CREATE INDEX "recovery_codes_account_id_idx" ON "recovery_codes"("account_id");

-- CreateIndex
CREATE INDEX "session_devices_account_id_idx" ON "session_devices"("account_id");

-- CreateIndex
CREATE INDEX "session_devices_expires_at_idx" ON "session_devices"("expires_at");

-- CreateIndex
CREATE INDEX "review_campaigns_closed_at_due_at_idx" ON "review_campaigns"("closed_at", "due_at");

-- CreateIndex
CREATE INDEX "review_items_campaign_id_decision_id_idx" ON "review_items"("campaign_id", "decision", "id");

-- CreateIndex
CREATE INDEX "review_items_consent_id_idx" ON "review_items"("consent_id");

-- CreateIndex
CREATE UNIQUE INDEX "review_items_campaign_id_consent_id_key" ON "review_items"("campaign_id", "consent_id");

-- CreateIndex
CREATE INDEX "accounts_created_at_id_idx" ON "accounts"("created_at", "id");

-- CreateIndex
CREATE INDEX "audit_events_type_at_idx" ON "audit_events"("type", "at");

-- CreateIndex
CREATE INDEX "audit_events_consent_id_seq_idx" ON "audit_events"("consent_id", "seq");

-- CreateIndex
CREATE INDEX "audit_events_token_id_idx" ON "audit_events"("token_id");

-- CreateIndex
CREATE INDEX "audit_events_grant_id_seq_idx" ON "audit_events"("grant_id", "seq");

-- CreateIndex
CREATE INDEX "audit_events_resource_seq_idx" ON "audit_events"("resource", "seq");

-- CreateIndex
CREATE INDEX "audit_events_actor_seq_idx" ON "audit_events"("actor", "seq");

-- CreateIndex
CREATE INDEX "clients_created_at_id_idx" ON "clients"("created_at", "id");

-- CreateIndex
CREATE INDEX "consents_client_id_approved_at_idx" ON "consents"("client_id", "approved_at");

-- CreateIndex
CREATE INDEX "consents_account_id_approved_at_idx" ON "consents"("account_id", "approved_at");

-- CreateIndex
CREATE INDEX "consents_resource_id_approved_at_idx" ON "consents"("resource_id", "approved_at");

-- CreateIndex
CREATE INDEX "consents_approved_at_id_idx" ON "consents"("approved_at", "id");

-- CreateIndex
CREATE INDEX "consents_suspended_at_idx" ON "consents"("suspended_at");

-- AddForeignKey
ALTER TABLE "resource_owners" ADD CONSTRAINT "resource_owners_resource_id_fkey" FOREIGN KEY ("resource_id") REFERENCES "resources"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "resource_owners" ADD CONSTRAINT "resource_owners_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "totp_secrets" ADD CONSTRAINT "totp_secrets_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_devices" ADD CONSTRAINT "session_devices_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "review_items" ADD CONSTRAINT "review_items_campaign_id_fkey" FOREIGN KEY ("campaign_id") REFERENCES "review_campaigns"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "review_items" ADD CONSTRAINT "review_items_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "consents"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- CreateIndex
CREATE INDEX "approval_requests_decided_at_id_idx" ON "approval_requests"("decided_at", "id");

-- CreateIndex
CREATE INDEX "accounts_role_idx" ON "accounts"("role");

-- CreateIndex
CREATE INDEX "identities_connection_id_account_id_idx" ON "identities"("connection_id", "account_id");

-- CreateIndex
CREATE INDEX "clients_revoked_at_idx" ON "clients"("revoked_at");

-- CreateIndex
CREATE INDEX "approval_requests_downstream_client_id_idx" ON "approval_requests"("downstream_client_id");
