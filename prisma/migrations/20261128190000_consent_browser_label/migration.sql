-- AlterTable
ALTER TABLE "consents" ADD COLUMN     "browser_label" TEXT;

-- A few words of ours, whatever the browser says of itself.
ALTER TABLE "consents" ADD CONSTRAINT "consents_browser_label_short"
    CHECK (char_length("browser_label") BETWEEN 1 AND 60);
