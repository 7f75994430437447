/** Where notices go, by the configuration. */
import type { Config } from '../config.ts';
import { createEgress } from '../web/egress.ts';
import type { SinkName, Sinks } from './message.ts';
import { createSmtp } from './smtp.ts';
import { createWebhook } from './webhook.ts';

type Settings = Pick<Config, 'issuer' | 'webhook' | 'mail' | 'outboundProxy' | 'outboundCaFile'>;

/** For writing notices: names without connections. */
export function sinkNames({ webhook, mail }: Pick<Config, 'webhook' | 'mail'>): SinkName[] {
  return [...(webhook ? (['webhook'] as const) : []), ...(mail ? (['smtp'] as const) : [])];
}

/** For delivering them. Nothing connects before there is something to send. */
export function createSinks(config: Settings, now: () => Date): Sinks {
  const { issuer, webhook, mail, outboundCaFile: caFile } = config;
  return {
    ...(webhook ? { webhook: createWebhook({ ...webhook, egress: webhookEgress(webhook.url, config), now }) } : {}),
    ...(mail ? { smtp: createSmtp({ ...mail, issuer, caFile }) } : {}),
  };
}

/**
 * An outbound client of its own: the operator chose this one host and port, so it may be in a private network, while
 * what strangers choose (OUTBOUND_ALLOW) may not reach it for that.
 */
function webhookEgress(url: string, { outboundProxy, outboundCaFile }: Settings) {
  const { protocol, hostname, port } = new URL(url);
  const allowed = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
  return createEgress({ outboundProxy, outboundCaFile, outboundAllow: [allowed] });
}
