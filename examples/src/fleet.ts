/** A store without a server: a file that every host has, such as `fleet.json`, which names all hosts and their subnets. */
import { readFile, watch } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type Backend, type Lease, type LeaseRequest, OverlayError } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'

/** Leases a host what the file says. One that the file does not name waits until it does. */
export class FleetSubnetManager extends MemorySubnetManager {
  override async acquireLease(request: LeaseRequest): Promise<Lease> {
    const { publicIp } = request.attributes
    if (this.store.leases.some(({ attributes }) => attributes.publicIp === publicIp))
      return super.acquireLease(request)
    throw new OverlayError('SUBNETS_EXHAUSTED', `leasing a subnet: the file names no host ${publicIp}`)
  }
}

/** @param backend says what each host publishes: of its public address alone, as vxlan, host-gw and ipip can */
export async function readFleet(file: string, backend: Backend): Promise<MemoryStore> {
  const { config } = JSON.parse(await readFile(file, 'utf8'))
  const store = new MemoryStore({ config })
  await update(store, file, backend)
  return store
}

/** Keeps the store as the file says, until the signal aborts. What cannot be read, or overlaps, is logged. */
export async function followFleet(store: MemoryStore, file: string, backend: Backend, signal: AbortSignal) {
  for await (const { filename } of watch(dirname(file), { signal }))
    if (filename === basename(file)) await update(store, file, backend).catch(console.error)
}

async function update(store: MemoryStore, file: string, backend: Backend): Promise<void> {
  const hosts = new Map<string, string>(Object.entries(JSON.parse(await readFile(file, 'utf8')).hosts))
  const config = store.networkConfig
  if (config === undefined) throw new OverlayError('CONFIG_NOT_FOUND', `reading ${file}: it has no config`)
  for (const lease of store.leases) {
    const { publicIp = '' } = lease.attributes
    // What is as the file says is not written again: its node would think that another writes its record.
    if (hosts.get(publicIp) === lease.subnet) hosts.delete(publicIp)
    else store.remove(lease)
  }
  const externalInterface = { name: 'none', mtu: 1500, onLink: [] } // not of this host: no matter
  for (const [publicIp, subnet] of hosts)
    store.reserve({ subnet, attributes: backend.attributes({ config, publicIp, externalInterface }) })
}
