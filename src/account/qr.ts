/** A QR code (ISO/IEC 18004) as the path of an SVG: nothing is drawn elsewhere, so that a secret in it stays on the page. */
import qrcode from 'qrcode-generator';

export interface QrDrawing {
  /** Modules on each side, with the quiet zone around it. */
  size: number;
  /** `d` of a path in units of modules. */
  path: string;
}

const QUIET_MODULES = 4;

export function drawQr(text: string): QrDrawing {
  // 0: as large as it has to be.
  const code = qrcode(0, 'M');
  code.addData(text, 'Byte');
  code.make();
  const count = code.getModuleCount();
  const modules = Array.from({ length: count * count }, (_, at) => [at % count, Math.floor(at / count)] as const);
  const dark = modules.filter(([column, row]) => code.isDark(row, column));
  const path = dark.map(([column, row]) => `M${column + QUIET_MODULES} ${row + QUIET_MODULES}h1v1h-1z`).join('');
  return { size: count + 2 * QUIET_MODULES, path };
}
