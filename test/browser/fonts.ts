/** Fonts for screenshots: Japanese glyphs on machines that have none, without touching the pages or their CSP. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';

const require = createRequire(import.meta.url);
const subsets = ['japanese', 'latin', 'latin-ext'];
const weights = [400, 700];

/**
 * Writes Noto Sans JP as fonts that fontconfig can give to the browser.
 * @param directory receives `noto/` and `fonts.conf`; an `Open Sans` below `fonts/` is used for Latin text
 */
export function writeFonts(directory: string): void {
  const source = join(dirname(require.resolve('@fontsource/noto-sans-jp/package.json')), 'files');
  mkdirSync(join(directory, 'noto'), { recursive: true });
  for (const subset of subsets) {
    for (const weight of weights) {
      const name = `noto-sans-jp-${subset}-${weight}-normal`;
      writeFileSync(join(directory, 'noto', `${name}.ttf`), unpackWoff(readFileSync(join(source, `${name}.woff`))));
    }
  }
  writeFileSync(join(directory, 'fonts.conf'), fontconfig());
}

/** A fontconfig file to stand beside those fonts; it names them relatively, so that the checkout can move. */
function fontconfig(): string {
  const prefer = (family: string) =>
    `<alias binding="strong"><family>${family}</family><prefer><family>Open Sans</family><family>Noto Sans JP</family></prefer></alias>`;
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir prefix="relative">noto</dir>
<dir prefix="relative">fonts</dir>
<dir>/usr/share/fonts</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
${['system-ui', 'sans-serif'].map(prefer).join('\n')}
</fontconfig>
`;
}

/** WOFF 1.0 (W3C) to the bare font: the same tables, inflated, behind the directory of an sfnt file. */
function unpackWoff(woff: Buffer): Buffer {
  const count = woff.readUInt16BE(12);
  const tables = Array.from({ length: count }, (_, index) => readTable(woff, 44 + index * 20));
  const header = Buffer.alloc(12 + count * 16);
  woff.copy(header, 0, 4, 8);
  header.writeUInt16BE(count, 4);
  const power = Math.floor(Math.log2(count));
  header.writeUInt16BE(16 << power, 6);
  header.writeUInt16BE(power, 8);
  header.writeUInt16BE((count - (1 << power)) * 16, 10);
  let offset = header.length;
  for (const [index, { tag, checksum, data }] of tables.entries()) {
    const entry = 12 + index * 16;
    header.writeUInt32BE(tag, entry);
    header.writeUInt32BE(checksum, entry + 4);
    header.writeUInt32BE(offset, entry + 8);
    header.writeUInt32BE(data.length, entry + 12);
    offset += padded(data).length;
  }
  return Buffer.concat([header, ...tables.map(({ data }) => padded(data))]);
}

function readTable(woff: Buffer, entry: number) {
  const [tag, offset, packed, length, checksum] = [0, 4, 8, 12, 16].map((at) => woff.readUInt32BE(entry + at)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const bytes = woff.subarray(offset, offset + packed);
  return { tag, checksum, data: packed < length ? inflateSync(bytes) : bytes };
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
