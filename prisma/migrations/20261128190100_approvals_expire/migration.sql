-- A request that nobody decided in time is over.
ALTER TABLE "approval_requests" DROP CONSTRAINT "approval_requests_state_known";
ALTER TABLE "approval_requests" ADD CONSTRAINT "approval_requests_state_known"
    CHECK ("state" IN ('pending', 'approved', 'denied', 'withdrawn', 'expired'));

-- When the person was told that a review ended this access of theirs. Who lost it before is not written to now.
ALTER TABLE "review_items" ADD COLUMN "told_at" TIMESTAMPTZ(3);
UPDATE "review_items" SET "told_at" = "decided_at" WHERE "decision" IN ('revoked', 'expired');
