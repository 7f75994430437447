-- Why a client may ask nobody any more: nobody used it, or (null) somebody blocked it.
ALTER TABLE "clients" ADD COLUMN "revoked_reason" TEXT;

-- Of those before, the consents that ended with them tell.
UPDATE "clients" c SET "revoked_reason" = 'unused'
WHERE c."revoked_at" IS NOT NULL AND c."origin" = 'dynamic'
  AND EXISTS (SELECT 1 FROM "consents" s WHERE s."client_id" = c."id" AND s."revoked_reason" = 'client_unused');
