-- DropIndex
DROP INDEX "accounts_email_key";

-- DropIndex
DROP INDEX "consents_account_id_idx";

-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "sign_in_name" TEXT;
UPDATE "accounts" SET "sign_in_name" = "email";

-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "family_key" TEXT;

-- AlterTable
ALTER TABLE "consents" ADD COLUMN     "browsers" TEXT[],
ADD COLUMN     "downstream_client_id" TEXT,
ADD COLUMN     "downstream_redirect_uri" TEXT,
ADD COLUMN     "full_page_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "scope_words" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "stated" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "suspended_at" TIMESTAMPTZ(3),
ADD COLUMN     "suspended_reason" TEXT;
UPDATE "consents" SET "browsers" = ARRAY["browser_id"], "full_page_at" = "approved_at";

-- AlterTable
ALTER TABLE "metadata_documents" ADD COLUMN     "imported_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "resource_scopes" ADD COLUMN     "proposed" JSONB,
ADD COLUMN     "proposed_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "resources" ADD COLUMN     "consent_days" INTEGER NOT NULL DEFAULT 90;

-- CreateTable
CREATE TABLE "identities" (
    "connection_id" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_sign_in_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "identities_pkey" PRIMARY KEY ("connection_id","issuer","subject")
);

-- CreateTable
CREATE TABLE "client_logos" (
    "client_id" TEXT NOT NULL,
    "source_uri" TEXT NOT NULL,
    "digest" TEXT,
    "media_type" TEXT,
    "content" BYTEA,
    "fetched_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "client_logos_pkey" PRIMARY KEY ("client_id")
);

-- CreateTable
CREATE TABLE "policy_rules" (
    "id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "effect" TEXT NOT NULL,
    "match" JSONB NOT NULL,
    "note" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policy_rules_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "approval_requests" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "downstream_client_id" TEXT,
    "downstream_redirect_uri" TEXT,
    "redirect_uri" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,
    "scopes" TEXT[],
    "client_fingerprint" TEXT NOT NULL,
    "stated" JSONB NOT NULL,
    "scope_digests" JSONB NOT NULL,
    "reason" TEXT,
    "browser_id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "audience" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "decided_at" TIMESTAMPTZ(3),
    "decided_by" TEXT,
    "note" TEXT,
    "expires_at" TIMESTAMPTZ(3),
    "open_key" TEXT,

    CONSTRAINT "approval_requests_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "denials" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "subject_key" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "denials_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "blocks" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "subject_key" TEXT NOT NULL,
    "resource_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "client_name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "blocks_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox_messages" (
    "id" TEXT NOT NULL,
    "sink" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "payload" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "delivered_at" TIMESTAMPTZ(3),
    "failed_at" TIMESTAMPTZ(3),
    "last_error" TEXT,

    CONSTRAINT "outbox_messages_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "identities_account_id_idx" ON "identities"("account_id");

-- CreateIndex
CREATE UNIQUE INDEX "client_logos_digest_key" ON "client_logos"("digest");

-- CreateIndex
CREATE UNIQUE INDEX "policy_rules_position_key" ON "policy_rules"("position");

-- CreateIndex
CREATE UNIQUE INDEX "approval_requests_open_key_key" ON "approval_requests"("open_key");

-- CreateIndex
CREATE INDEX "approval_requests_state_created_at_idx" ON "approval_requests"("state", "created_at");

-- CreateIndex
CREATE INDEX "approval_requests_client_id_resource_id_state_idx" ON "approval_requests"("client_id", "resource_id", "state");

-- CreateIndex
CREATE INDEX "approval_requests_account_id_idx" ON "approval_requests"("account_id");

-- CreateIndex
CREATE INDEX "denials_account_id_subject_key_resource_id_at_idx" ON "denials"("account_id", "subject_key", "resource_id", "at");

-- CreateIndex
CREATE INDEX "denials_at_idx" ON "denials"("at");

-- CreateIndex
CREATE UNIQUE INDEX "blocks_account_id_subject_key_resource_id_key" ON "blocks"("account_id", "subject_key", "resource_id");

-- CreateIndex
CREATE INDEX "outbox_messages_delivered_at_failed_at_next_attempt_at_idx" ON "outbox_messages"("delivered_at", "failed_at", "next_attempt_at");

-- CreateIndex
CREATE UNIQUE INDEX "accounts_sign_in_name_key" ON "accounts"("sign_in_name");

-- CreateIndex
CREATE INDEX "accounts_email_idx" ON "accounts"("email");

-- CreateIndex
CREATE INDEX "clients_family_key_idx" ON "clients"("family_key");

-- CreateIndex
CREATE INDEX "consents_downstream_client_id_idx" ON "consents"("downstream_client_id");

-- CreateIndex
CREATE INDEX "consents_account_id_resource_id_idx" ON "consents"("account_id", "resource_id");

-- AddForeignKey
ALTER TABLE "identities" ADD CONSTRAINT "identities_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "client_logos" ADD CONSTRAINT "client_logos_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_resource_id_fkey" FOREIGN KEY ("resource_id") REFERENCES "resources"("id") ON DELETE CASCADE ON UPDATE CASCADE;
