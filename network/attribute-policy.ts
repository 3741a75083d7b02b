import { badRequest } from './network-error.ts';
import { InvalidValue, type Attribute, type NetworkActor, type Resource, type Values } from './resource.ts';

/** A request's object against the attribute table of its noun. */

/** The values of a POST with the defaults of what it left out. @throws NetworkError 400 */
export function readCreate(resource: Resource, given: Values, actor: NetworkActor, parentProject?: string): Values {
  const owned = withProject(resource, given, actor, parentProject);
  refuseUnknown(resource, owned);
  const values: Values = {};
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    const isGiven = Object.hasOwn(owned, name);
    if (!attribute.post) {
      if (isGiven) throw badRequest(`Attribute '${name}' not allowed in POST`);
      continue;
    }
    if (isGiven) values[name] = readValue(name, attribute, owned[name]);
    else if (!('default' in attribute)) throw badRequest(`Failed to parse request. Required attribute '${name}' not specified`);
    else if (attribute.default !== undefined) values[name] = attribute.default;
  }
  if (parentProject !== undefined) values['project_id'] = parentProject;
  return values;
}

/** The values of a PUT. @throws NetworkError 400 */
export function readUpdate(resource: Resource, given: Values): Values {
  refuseUnknown(resource, given);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const attribute = resource.attributes[name]!;
      if (!attribute.put) throw badRequest(`Cannot update read-only attribute ${name}`);
      return [name, readValue(name, attribute, value)];
    }),
  );
}

export function readValue(name: string, attribute: Attribute, value: unknown): unknown {
  try {
    return attribute.type.read(value);
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for ${name}. Reason: ${error.message}.`);
    throw error;
  }
}

function refuseUnknown(resource: Resource, given: Values): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(resource.attributes, name));
  if (unknown.length > 0) throw badRequest(`Unrecognized attribute(s) '${unknown.join(', ')}'`);
}

/** Whose it will be: the caller's project, or the one that somebody who sees all of them names. */
function withProject(resource: Resource, given: Values, actor: NetworkActor, parentProject: string | undefined): Values {
  if (resource.attributes['project_id'] === undefined && parentProject === undefined) return given;
  const { project_id: project, tenant_id: tenant, ...rest } = given;
  if (project !== undefined && tenant !== undefined && project !== tenant) throw badRequest("'project_id' and 'tenant_id' do not match");
  // What is below another noun is of its project.
  if (parentProject !== undefined) return rest;
  const isShown = resource.attributes['project_id']!.sql !== undefined;
  const named = project ?? tenant ?? actor.projectId ?? (isShown ? undefined : '');
  // What is everybody's has no project; only somebody who sees all can say so.
  if (named === null || named === undefined) throw badRequest('The project of the resource is not specified, and the token has none.');
  if (named !== actor.projectId && !actor.seesAll)
    throw badRequest("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges");
  return { ...rest, project_id: named };
}

/** What was asked for beyond the default: only that needs a right of its own. */
export const isAsked = (attribute: Attribute, values: Values, name: string): boolean =>
  values[name] !== undefined && !('default' in attribute && JSON.stringify(attribute.default) === JSON.stringify(values[name]));
