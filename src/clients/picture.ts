/** Reads a picture from outside without decoding it: PNG (RFC 2083), JPEG (ITU T.81) or WebP (RFC 9649), within bounds. */

export const MAX_PICTURE_BYTES = 512 * 1024;
const MIN_PIXELS = 16;
const MAX_PIXELS = 1_024;

export type PictureType = 'image/png' | 'image/jpeg' | 'image/webp';

export interface Picture {
  mediaType: PictureType;
  width: number;
  height: number;
  /** Only what draws the picture: comments, metadata, colour profiles and thumbnails are left out. */
  content: Buffer;
}

export type PictureFault = 'too_large' | 'unknown_format' | 'malformed' | 'animated' | 'too_small' | 'too_many_pixels';

export type ReadPicture = { ok: true; picture: Picture } | { ok: false; reason: PictureFault };

type Drawn = Omit<Picture, 'mediaType'>;

/**
 * What the first bytes say decides, whatever it was served as. A file that goes on after the picture's end, and so may
 * be a second file as well, is malformed.
 */
export function readPicture(bytes: Buffer): ReadPicture {
  if (bytes.length > MAX_PICTURE_BYTES) return { ok: false, reason: 'too_large' };
  const format = formats.find(({ begins }) => begins(bytes));
  if (!format) return { ok: false, reason: 'unknown_format' };
  const drawn = format.read(bytes);
  const reason = typeof drawn === 'string' ? drawn : sizeFault(drawn);
  if (typeof drawn === 'string' || reason) return { ok: false, reason: reason ?? 'malformed' };
  return { ok: true, picture: { mediaType: format.mediaType, ...drawn } };
}

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

const formats: readonly {
  mediaType: PictureType;
  begins(bytes: Buffer): boolean;
  read(bytes: Buffer): Drawn | PictureFault;
}[] = [
  { mediaType: 'image/png', begins: (bytes) => bytes.subarray(0, 8).equals(PNG_SIGNATURE), read: readPng },
  { mediaType: 'image/jpeg', begins: (bytes) => bytes.toString('latin1', 0, 3) === '\xff\xd8\xff', read: readJpeg },
  {
    mediaType: 'image/webp',
    begins: (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP',
    read: readWebp,
  },
];

function sizeFault({ width, height }: Drawn): PictureFault | undefined {
  if (Math.max(width, height) > MAX_PIXELS) return 'too_many_pixels';
  return Math.min(width, height) < MIN_PIXELS ? 'too_small' : undefined;
}

const PNG_KEPT: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
const PNG_ANIMATION: ReadonlySet<string> = new Set(['acTL', 'fcTL', 'fdAT']);

function readPng(bytes: Buffer): Drawn | PictureFault {
  const kept: Buffer[] = [PNG_SIGNATURE];
  const seen = new Set<string>();
  for (let at = PNG_SIGNATURE.length; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (end > bytes.length || (type === 'IHDR') !== (seen.size === 0)) return 'malformed';
    if (PNG_ANIMATION.has(type)) return 'animated';
    seen.add(type);
    if (PNG_KEPT.has(type)) kept.push(bytes.subarray(at, end));
    // A capital says that the picture cannot be drawn without the chunk.
    else if (!/^[a-z][A-Za-z]{3}$/.test(type)) return 'malformed';
    at = end;
    if (type !== 'IEND') continue;
    const header = kept[1];
    if (end !== bytes.length || header?.length !== 25 || !seen.has('IDAT')) return 'malformed';
    return { width: header.readUInt32BE(8), height: header.readUInt32BE(12), content: Buffer.concat(kept) };
  }
  return 'malformed';
}

const SOF: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);
const [DHT, SOS, DQT, DRI, EOI] = [0xc4, 0xda, 0xdb, 0xdd, 0xd9];
const JPEG_KEPT: ReadonlySet<number> = new Set([...SOF, DHT, DQT, DRI, SOS]);
/** Application segments and comments; the 14th says how colours are encoded. */
const isJpegExtra = (marker: number) => (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
const ADOBE = 0xee;

function readJpeg(bytes: Buffer): Drawn | PictureFault {
  const kept: Buffer[] = [bytes.subarray(0, 2)];
  let size: { width: number; height: number } | undefined;
  let scans = 0;
  for (let at = 2; at + 2 <= bytes.length; ) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff) return 'malformed';
    if (marker === EOI) {
      if (!size || scans === 0 || at + 2 !== bytes.length) return 'malformed';
      return { ...size, content: Buffer.concat([...kept, bytes.subarray(at)]) };
    }
    const length = at + 4 <= bytes.length ? bytes.readUInt16BE(at + 2) : 0;
    let end = at + 2 + length;
    if (length < 2 || end > bytes.length) return 'malformed';
    if (SOF.has(marker)) {
      if (size || length < 8) return 'malformed';
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    }
    if (marker === SOS) {
      if (!size) return 'malformed';
      scans += 1;
      end = endOfScan(bytes, end);
    }
    if (JPEG_KEPT.has(marker) || (marker === ADOBE && length === 14)) kept.push(bytes.subarray(at, end));
    else if (!isJpegExtra(marker)) return 'malformed';
    at = end;
  }
  return 'malformed';
}

/** Where the next marker stands that is neither a stuffed byte nor a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return bytes.length;
}

const WEBP_ALPHA = 0x10;
const WEBP_ANIMATION = 0x02;

function readWebp(bytes: Buffer): Drawn | PictureFault {
  if (bytes.length < 20 || bytes.readUInt32LE(4) + 8 !== bytes.length) return 'malformed';
  const chunks: { type: string; whole: Buffer; data: Buffer }[] = [];
  for (let at = 12; at < bytes.length; ) {
    if (at + 8 > bytes.length) return 'malformed';
    const length = bytes.readUInt32LE(at + 4);
    const end = at + 8 + length + (length % 2);
    if (end > bytes.length) return 'malformed';
    const type = bytes.toString('latin1', at, at + 4);
    chunks.push({ type, whole: bytes.subarray(at, end), data: bytes.subarray(at + 8, at + 8 + length) });
    at = end;
  }
  if (chunks.some(({ type }) => type === 'ANIM' || type === 'ANMF')) return 'animated';
  const [first] = chunks;
  const drawings = chunks.filter(({ type }) => type === 'VP8 ' || type === 'VP8L');
  const [drawing] = drawings;
  const size = drawing && (drawing.type === 'VP8 ' ? lossySize(drawing.data) : losslessSize(drawing.data));
  if (!first || !size || drawings.length !== 1) return 'malformed';
  if (first === drawing) return { ...size, content: riff([drawing.whole]) };
  if (first.type !== 'VP8X' || first.data.length !== 10) return 'malformed';
  const flags = first.data.readUInt8(0);
  if (flags & WEBP_ANIMATION) return 'animated';
  const canvas = { width: first.data.readUIntLE(4, 3) + 1, height: first.data.readUIntLE(7, 3) + 1 };
  if (canvas.width !== size.width || canvas.height !== size.height) return 'malformed';
  const header = Buffer.from(first.whole);
  header.writeUInt8(flags & WEBP_ALPHA, 8);
  const alpha = chunks.filter(({ type }) => type === 'ALPH').slice(0, 1);
  return { ...size, content: riff([header, ...alpha.map(({ whole }) => whole), drawing.whole]) };
}

/** A key frame of VP8 (RFC 6386 §9.1). */
function lossySize(data: Buffer): { width: number; height: number } | undefined {
  if (data.length < 10 || (data.readUInt8(0) & 1) !== 0 || data.readUIntBE(3, 3) !== 0x9d012a) return undefined;
  return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff };
}

/** The header of a lossless bitstream (RFC 9649 §3.4). */
function losslessSize(data: Buffer): { width: number; height: number } | undefined {
  if (data.length < 5 || data.readUInt8(0) !== 0x2f) return undefined;
  const bits = data.readUInt32LE(1);
  if (bits >>> 29 !== 0) return undefined;
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function riff(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from('RIFF'), length, body]);
}
