/** The sample pages over loopback HTTP, under the CSP that the server sets. */
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { type Locale, locales } from '../../src/web/locale.ts';
import { readStaticFiles } from '../../src/web/static.ts';
import { createViews } from '../../src/web/views.ts';
import { type Sample, samples } from '../web/sample-pages.ts';

/** No `form-action`: Chromium applies it to the redirect after a form too, and would drop the way back to the app. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/**
 * Serves `/<locale>/<sample>`; any POST is answered with the fields it carried, as JSON.
 * @param options.change is applied to each sample before it is rendered
 */
export async function serveSamples(options: { change?: (sample: Sample) => Sample } = {}) {
  const statics = readStaticFiles();
  const views = createViews({ brandName: 'Contoso', supportUrl: 'https://help.contoso.example/ai', statics });
  const change = options.change ?? ((sample) => sample);
  const app = new Koa();
  app.use(statics.middleware);
  app.use(async (ctx) => {
    ctx.set('Content-Security-Policy', contentSecurityPolicy);
    if (ctx.method === 'POST') {
      ctx.body = [...new URLSearchParams(await text(ctx.req))];
      return;
    }
    const [, path = '', name = ''] = ctx.path.split('/');
    const locale = locales.find((known) => known === path);
    const sample = samples[name];
    if (!locale || !sample) return;
    ctx.type = 'html';
    ctx.body = renderSample(views, change(sample), locale);
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** The page and the model of a sample belong together, which the compiler cannot see through the union. */
function renderSample(views: ReturnType<typeof createViews>, sample: Sample, locale: Locale): string {
  return views.render(sample.page, sample.model as never, locale);
}
