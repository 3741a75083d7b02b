/**
 * The database lives in virtual time: functions of these names stand before PostgreSQL's own in the search path, so that the product's
 * statements, and the defaults of tables that are made under this path, mean them. A notification is told on the connection itself, in
 * order, and reaches listeners when its transaction commits.
 */
export const SEARCH_PATH = 'public, simulation, pg_catalog';

/** What marks a notice as a notification; the channel is its hint, the payload its detail. */
export const NOTIFICATION = 'rackwright notification';

const clock = (name: string) =>
  `create function simulation.${name}() returns timestamptz stable language sql as $$ select current_setting('simulation.now')::timestamptz $$`;

export const SIMULATION_SCHEMA: readonly string[] = [
  'create schema simulation',
  ...['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp'].map(clock),
  'create sequence simulation.uuids',
  // Version 4 in form; what it is made of is the count since the seed began, so that a seed has the same ones again.
  `create function simulation.gen_random_uuid() returns uuid volatile language sql as $$
     select overlay(overlay(md5(nextval('simulation.uuids')::text) placing '4' from 13) placing 'a' from 17)::uuid $$`,
  `create function simulation.pg_notify(channel text, payload text) returns void volatile language plpgsql as $$
     begin raise notice using message = '${NOTIFICATION}', hint = channel, detail = payload; end $$`,
];
