import { type AbortOptions, isOverlayError, type LeaseSubnets, type StoreRight } from '@selvedge/core'
import type { Buckets } from './buckets.js'
import type { Connection, Work } from './client/connection.js'
import { isFailure, NatsFailure } from './client/errors.js'
import { apiSubjects } from './client/explain.js'
import type { Session } from './client/session.js'
import { CONFIG_KEY, claimKey, recordKeyOf } from './keys.js'

/** Of no node: a subnet that no network of hosts contains. */
const NOBODYS = { subnet: '0.0.0.0/32', ipv6Subnet: '::/128' } satisfies LeaseSubnets

/** The number of no message: a write that is based on it changes nothing, and NATS checks first whether it is permitted. */
const NEVER = Number.MAX_SAFE_INTEGER

/** Asks NATS for each right that a node needs. Rights to write to a bucket are left out until the bucket exists. */
export async function askRights(
  connection: Connection,
  buckets: Buckets,
  domain: string | undefined,
  { signal }: AbortOptions,
): Promise<readonly StoreRight[]> {
  const ask = async (does: string, subject: string, work: Work<unknown>): Promise<StoreRight> => {
    const remedy =
      `let its user publish to "${subject}" (permissions { publish: [ … ] }, or nsc edit user --allow-pub), and ` +
      'subscribe to "_INBOX.>"'
    const request = { attempted: `asking whether this user may ${does}`, signal, once: true }
    try {
      await connection.call(request, work)
    } catch (error) {
      if (isOverlayError(error, 'ACCESS_DENIED')) return { does, isAllowed: false, remedy }
      // It was permitted to ask.
      if (!isFailure(error, 'outdated') && !isFailure(error, 'no-stream')) throw error
    }
    return { does, isAllowed: true, remedy }
  }
  const { permanent } = buckets
  const api = apiSubjects(domain)
  const read = await ask(`read ${CONFIG_KEY} in the bucket ${permanent.name}`, api, async (session) =>
    permanent.get(session, CONFIG_KEY, await permanent.state(session)),
  )
  if (!read.isAllowed) return [read]
  const layout = await buckets.find({ signal })
  const leases = layout?.leases ?? permanent
  const rights = [
    read,
    await ask(`watch the bucket ${leases.name}`, api, async (session, over) => {
      const delivery = await leases.deliver(session, { filter: recordKeyOf(NOBODYS) }, over)
      delivery.close()
    }),
    await ask('say that what was delivered has arrived', '$JS.FC.>', acknowledge),
  ]
  if (layout === undefined) return rights
  const keys = domain === undefined ? `$KV.${leases.name}.>` : api
  const write = (what: string, key: string): Promise<StoreRight> =>
    ask(`write ${what} to the bucket ${leases.name}`, keys, (session) =>
      leases.write(session, key, '', { expected: NEVER }),
    )
  return [
    ...rights,
    await write('leases', recordKeyOf(NOBODYS)),
    await write('claims of IPv6 subnets', claimKey(NOBODYS.ipv6Subnet)),
  ]
}

/** Publishes what no delivery waits for. No answer says that it is not permitted: an error of the connection does. */
async function acknowledge(session: Session): Promise<void> {
  const subject = '$JS.FC.nobody'
  let refusal: NatsFailure | undefined
  const stop = session.onTrouble((failure) => {
    if (failure.forbidden?.subject === subject) refusal = new NatsFailure(failure)
  })
  try {
    session.nc.publish(subject)
    await session.nc.flush()
    // The refusal came before the answer to that, and is reported in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    stop()
  }
  if (refusal !== undefined) throw refusal
}
