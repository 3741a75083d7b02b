import { sql, type Kysely } from 'kysely';

/** The boot plane learns of an address of a machine's NIC in the moment in which it is the NIC's, whoever changed it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function boot_model_changed() returns trigger language plpgsql as $$
    begin
      perform pg_notify('boot_model', '');
      return null;
    end $$`.execute(db);
  await sql`
    create trigger network_port_of_machine_changed after update of mac_address, host, vnic_type on network_port
    for each row when ('baremetal' in (old.vnic_type, new.vnic_type)) execute function boot_model_changed()`.execute(db);
  await sql`
    create trigger network_port_of_machine_gone after delete on network_port
    for each row when (old.vnic_type = 'baremetal') execute function boot_model_changed()`.execute(db);
  await sql`
    create function boot_address_changed() returns trigger language plpgsql as $$
    begin
      if exists (select from network_port where id = coalesce(new.port_id, old.port_id) and vnic_type = 'baremetal') then
        perform pg_notify('boot_model', '');
      end if;
      return null;
    end $$`.execute(db);
  await sql`
    create trigger network_address_of_machine_changed after insert or delete on network_address
    for each row execute function boot_address_changed()`.execute(db);
}
