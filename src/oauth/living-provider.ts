/** One oidc-provider after another, as signing keys change: requests under way end with the one they began with. */
import type { Middleware } from 'koa';
import mount from 'koa-mount';
import type { JWKS, Provider } from 'oidc-provider';

/** What is asked of it beside its routes. Listeners are attached where it is made, or the next one would not have them. */
export type LivingProvider = Pick<
  Provider,
  'Client' | 'DeviceCode' | 'Grant' | 'IdToken' | 'Interaction' | 'Session' | 'cookieName'
>;

interface Keys {
  current(): { jwks: JWKS };
  onChange(follow: (keys: { jwks: JWKS }) => void): void;
}

/**
 * State is not in it but behind its adapter, so that a code given out by one is redeemed at the next.
 *
 * @param make 2 ms of work; fails before anything is replaced
 */
export function createLivingProvider(deps: { keys: Keys; make(jwks: JWKS): Provider }): {
  provider: LivingProvider;
  /** Its routes. */
  middleware: Middleware;
} {
  const { keys, make } = deps;
  let present = make(keys.current().jwks);
  let routes = routesOf(present);
  keys.onChange(({ jwks }) => {
    present = make(jwks);
    routes = routesOf(present);
  });
  return {
    provider: {
      get Client() {
        return present.Client;
      },
      get DeviceCode() {
        return present.DeviceCode;
      },
      get Grant() {
        return present.Grant;
      },
      get IdToken() {
        return present.IdToken;
      },
      get Interaction() {
        return present.Interaction;
      },
      get Session() {
        return present.Session;
      },
      cookieName: (type) => present.cookieName(type),
    },
    middleware: (ctx, next) => routes(ctx, next),
  };
}

/** Two typings of the same koa. */
function routesOf(provider: Provider): Middleware {
  return mount(provider as never);
}
