/** Makes what a directory sent into what the schema says: "False" is false, null is nothing, one in a list is the one. */
import { invalidValue, tooLarge } from './fault.ts';
import { limits } from './limits.ts';
import { type Attribute, subAttributeOf } from './schemas.ts';

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type Complex = Record<string, Json>;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * @returns undefined where nothing is left: null, '', an empty list
 * @throws ScimFault invalidValue
 */
export function cast(attribute: Attribute, value: unknown): Json | undefined {
  if (value === null || value === undefined) return undefined;
  if (attribute.config.multiValued) return castList(attribute, Array.isArray(value) ? value : [value]);
  // Entra ID wraps single values, of `manager` too, as [{ "$ref": null, "value": … }].
  if (Array.isArray(value)) {
    if (value.length > 1) throw invalidValue(`${attribute.name} has one value`);
    return cast(attribute, value[0]);
  }
  return castOne(attribute, value);
}

/** @param values of an attribute that has several */
function castList(attribute: Attribute, values: readonly unknown[]): Json[] | undefined {
  if (values.length > limits.values) throw tooLarge(`${attribute.name} has at most ${limits.values} values`);
  const list = values.map((value) => castOne(attribute, value)).filter((value) => value !== undefined);
  return list.length > 0 ? onePrimary(list) : undefined;
}

/** One value of the attribute, whether or not it has several. */
export function castOne(attribute: Attribute, value: unknown): Json | undefined {
  if (value === null || value === undefined) return undefined;
  if (attribute.type === 'complex') return castComplex(attribute, value);
  if (isObject(value) && 'value' in value) return castSimple(attribute, value.value);
  return castSimple(attribute, value);
}

function castComplex(attribute: Attribute, value: unknown): Complex | undefined {
  if (!isObject(value)) {
    const sub = subAttributeOf(attribute, 'value');
    if (!sub || Array.isArray(value)) throw invalidValue(`${attribute.name} is an object`);
    const cast = castSimple(sub, value);
    return cast === undefined ? undefined : { value: cast };
  }
  const result: Complex = {};
  for (const [name, inner] of Object.entries(value)) {
    const sub = subAttributeOf(attribute, name);
    const known = sub && cast(sub, inner);
    if (sub && known !== undefined) result[sub.name] = known;
  }
  return Object.keys(result).length > 0 ? result : undefined;
}

function castSimple({ name, type }: Attribute, value: unknown): Json | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  if (typeof value === 'object') throw invalidValue(`${name} has one value`);
  if (type !== 'boolean') return String(value);
  const known = asBoolean(value);
  if (known === undefined) throw invalidValue(`${name} is true or false`);
  return known;
}

/** Also "True" and "False", as Entra ID sends them. */
export function asBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const word = value.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
}

/** The last of several primary values is the primary one (RFC 7643 §2.4). */
export function onePrimary(list: Json[]): Json[] {
  const primary = list.findLastIndex((value) => isObject(value) && value.primary === true);
  for (const [index, value] of list.entries())
    if (isObject(value) && value.primary === true && index !== primary) value.primary = false;
  return list;
}
