/** Small pictures of 20 × 16 pixels, and PNGs of any size. */
import { crc32, deflateSync } from 'node:zlib';

const base64 = (text: string) => Buffer.from(text, 'base64');

/** With a script for a comment. */
export const jpeg = base64(
  '/9j/4AAQSkZJRgABAQAAAQABAAD//gAbPHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pv/bAEMAUDc8RjwyUEZBRlpVUF94yIJ4bm549a+5kcj////////////////////////////////////////////////////AAAsIABAAFAEBEQD/xAAVAAEBAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AmAD/2Q==',
);
export const webp = base64('UklGRjoAAABXRUJQVlA4IC4AAADQAgCdASoUABAAP3Ggxli0q6ejsAgCkC4JQBadBaSAAP7eD7fvtt78PNX4NUAA');
export const losslessWebp = base64('UklGRh4AAABXRUJQVlA4TBEAAAAvE8ADAAdQjyKXp/+BiOh/AAA=');
/** With a script for a camera's data. */
export const extendedWebp = base64(
  'UklGRmgAAABXRUJQVlA4WAoAAAAMAAAAEwAADwAAVlA4IC4AAADQAgCdASoUABAAP3Ggxli0q6ejsAgCkC4JQBadBaSAAP7eD7fvtt78PNX4NUAARVhJRggAAAA8c2NyaXB0PlhNUCAEAAAAPHgvPg==',
);
export const transparentWebp = base64(
  'UklGRpIAAABXRUJQVlA4WAoAAAAQAAAAEwAADwAAQUxQSD0AAAABf0CkbUPHtvv3ew0RkbiuQBXZNlRQQQUVVFBBBRVUUEEFFVRQQQV/myGi/xkQkZBRUNHQMTCxsHFw8fABAFZQOCAuAAAA0AIAnQEqFAAQAD/N1uJmP7SuJzAIA/A5iUAVHoWkgAD+0MCN+RzvZ9HNNAAAAA==',
);
export const animatedWebp = base64(
  'UklGRrQAAABXRUJQVlA4WAoAAAACAAAAEwAADwAAQU5JTQYAAAAAAAAAAABBTk1GRgAAAAAAAAAAABMAAA8AAAAAAAJWUDggLgAAANACAJ0BKhQAEAA/zdbjZr+0ryewCAPwOYlAFR6FtiAA/tDAjfkc72fUd6AKXgBBTk1GOgAAAAAAAAAAABMAAA8AAAAAAABWUDggIgAAAPQBAJ0BKhQAEAAvnebzeYAAGcS0gAB7KAD+7G/f8AEEAAA=',
);

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(8 + named.length);
  whole.writeUInt32BE(data.length);
  named.copy(whole, 4);
  whole.writeUInt32BE(crc32(named), 4 + named.length);
  return whole;
}

/** Grey. @param between chunks before the pixels */
export function png({ width = 20, height = 16, between = [] as Buffer[], after = Buffer.alloc(0) } = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(8, 8);
  const pixels = deflateSync(Buffer.alloc((width + 1) * height, 0x80));
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), ...between, chunk('IDAT', pixels), chunk('IEND'), after]);
}
