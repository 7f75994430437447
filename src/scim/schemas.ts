/** What users and groups are made of (RFC 7643 §4, §8.7), by the definitions that scimmy brings. */
import { Schemas, Types } from 'scimmy';

export type Attribute = InstanceType<typeof Types.Attribute>;
type Definition = InstanceType<typeof Types.SchemaDefinition>;

export const USER = Schemas.User.definition.id;
export const GROUP = Schemas.Group.definition.id;
export const ENTERPRISE = Schemas.EnterpriseUser.definition.id;

/** A resource type: its own attributes and, by URN, those of its extension. */
export interface ResourceKind {
  name: 'User' | 'Group';
  schema: string;
  definition: Definition;
  extensions: Readonly<Record<string, Definition>>;
}

/** A copy: scimmy's own are shared by everybody in the process. */
function own({ name, id, description }: Definition, attributes: readonly Attribute[]): Definition {
  return new Types.SchemaDefinition(name, id, description, [...attributes]);
}

const isShown = (attribute: Attribute) => !attribute.config.shadow;

/** Nobody gets a password here from a directory. */
const userAttributes = Schemas.User.definition.attributes.filter((one) => isShown(one) && one.name !== 'password');
const groupName = new Types.Attribute('string', 'displayName', {
  required: true,
  uniqueness: 'server',
  description: 'What the group is called; no two groups of a directory share it.',
});
const groupMembers = Schemas.Group.definition.attributes.filter(({ name }) => name === 'members');

export const userKind: ResourceKind = {
  name: 'User',
  schema: USER,
  definition: own(Schemas.User.definition, userAttributes),
  extensions: {
    [ENTERPRISE]: own(Schemas.EnterpriseUser.definition, Schemas.EnterpriseUser.definition.attributes.filter(isShown)),
  },
};

export const groupKind: ResourceKind = {
  name: 'Group',
  schema: GROUP,
  definition: own(Schemas.Group.definition, [groupName, ...groupMembers]),
  extensions: {},
};

/** Whatever case it is written in. */
export function attributeOf(definition: Definition, name: string): Attribute | undefined {
  return byName(definition.attributes, name);
}

export function subAttributeOf(attribute: Attribute, name: string): Attribute | undefined {
  return byName(attribute.subAttributes ?? [], name);
}

function byName(attributes: readonly Attribute[], name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  return attributes.find((attribute) => attribute.name?.toLowerCase() === wanted);
}
