/** Pictures from outside: what is one, and what only pretends to be (threat 78). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readPicture } from '../../src/clients/picture.ts';
import { animatedWebp, chunk, extendedWebp, jpeg, losslessWebp, png, transparentWebp, webp } from './pictures.ts';

const SCRIPT = '<script>alert(1)</script>';
const SVG = `<svg xmlns="http://www.w3.org/2000/svg">${SCRIPT}</svg>`;

describe('a picture', () => {
  const drawn: [string, Buffer, string][] = [
    ['PNG', png(), 'image/png'],
    ['JPEG', jpeg, 'image/jpeg'],
    ['WebP', webp, 'image/webp'],
    ['lossless WebP', losslessWebp, 'image/webp'],
    ['WebP with metadata', extendedWebp, 'image/webp'],
    ['transparent WebP', transparentWebp, 'image/webp'],
    ['PNG with a text in it', png({ between: [chunk('tEXt', Buffer.from(SCRIPT))] }), 'image/png'],
  ];
  for (const [what, bytes, mediaType] of drawn) {
    it(`is read from a ${what}, and nothing is kept but what draws it`, () => {
      const read = readPicture(bytes);
      assert.ok(read.ok, JSON.stringify(read));
      const { content, ...said } = read.picture;
      assert.deepEqual(said, { mediaType, width: 20, height: 16 });
      assert.ok(!content.includes('<script') && !content.includes('EXIF') && !content.includes('JFIF'));
      assert.deepEqual(readPicture(content), read);
    });
  }

  const refused: [string, Buffer, string][] = [
    ['SVG', Buffer.from(SVG), 'unknown_format'],
    ['HTML', Buffer.from(`<!doctype html>${SCRIPT}`), 'unknown_format'],
    ['GIF', Buffer.from('GIF89a\x14\0\x10\0', 'latin1'), 'unknown_format'],
    ['nothing', Buffer.alloc(0), 'unknown_format'],
    ['a page that begins like a PNG', Buffer.from(`\x89PNG\r\n\x1a\n${SCRIPT}`, 'latin1'), 'malformed'],
    ['a page that begins like a JPEG', Buffer.from(`\xff\xd8\xff${SCRIPT}`, 'latin1'), 'malformed'],
    ['a PNG with an archive behind it', png({ after: Buffer.from('PK\x03\x04') }), 'malformed'],
    ['a JPEG with a page behind it', Buffer.concat([jpeg, Buffer.from(SCRIPT)]), 'malformed'],
    ['a WebP with a page behind it', Buffer.concat([webp, Buffer.from(SCRIPT)]), 'malformed'],
    ['a WebP with another chunk behind its end', Buffer.concat([webp, extendedWebp.subarray(-12)]), 'malformed'],
    ['a WebP that says two sizes', Buffer.from(extendedWebp).fill(0xff, 24, 25), 'malformed'],
    ['a PNG cut short', png().subarray(0, -6), 'malformed'],
    ['a PNG that says what it is twice', png({ between: [chunk('IHDR', Buffer.alloc(13))] }), 'malformed'],
    ['a PNG with a chunk that nobody knows but needs', png({ between: [chunk('EVIL')] }), 'malformed'],
    ['an animated PNG', png({ between: [chunk('acTL', Buffer.alloc(8))] }), 'animated'],
    ['an animated WebP', animatedWebp, 'animated'],
    ['a picture of 1,025 pixels', png({ width: 1_025 }), 'too_many_pixels'],
    ['a picture that says it is huge', png({ width: 20 }).fill(0x7f, 16, 24), 'too_many_pixels'],
    ['a spy pixel', png({ width: 1, height: 1 }), 'too_small'],
    ['a picture of no height', png({ height: 0 }), 'too_small'],
    ['more than 512 KB', png({ between: [chunk('tEXt', Buffer.alloc(512 * 1024))] }), 'too_large'],
  ];
  for (const [what, bytes, reason] of refused) {
    it(`is not ${what}`, () => assert.deepEqual(readPicture(bytes), { ok: false, reason }));
  }

  it('that is torn or cut anywhere is refused or read, and never throws', () => {
    const whole = [png(), jpeg, webp, losslessWebp, extendedWebp, transparentWebp, animatedWebp];
    const torn = fc.record({
      bytes: fc.constantFrom(...whole),
      end: fc.nat(300),
      tears: fc.array(fc.record({ at: fc.nat(300), byte: fc.nat(255) }), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(torn, ({ bytes, end, tears }) => {
        const copy = Buffer.from(bytes.subarray(0, end));
        for (const { at, byte } of tears) if (at < copy.length) copy[at] = byte;
        const read = readPicture(copy);
        if (read.ok) assert.ok(readPicture(read.picture.content).ok);
      }),
      { numRuns: 2_000 },
    );
  });
});
