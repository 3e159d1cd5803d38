import type { StoreSettings } from '@selvedge/agent/flags'
import { printable } from '@selvedge/core/kit'
import { duration } from '../../output/duration.js'
import type { Facts } from '../facts/facts.js'
import { type Check, type Finding, fatal, warning } from '../finding.js'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
/** Certificates are renewed a month before they end, by habit. */
const CERTIFICATE_MARGIN_MS = 14 * DAY_MS
/** A server says the second, and may be busy; Kerberos, and tokens, tolerate minutes. */
const MAX_SKEW_MS = 10_000

/** Those that say where a store is. */
const FLAGS: Readonly<Record<StoreSettings['type'], string>> = {
  etcd: '--etcd-endpoints',
  kubernetes: '--kube-api-url',
  local: '--local-store',
  nats: '--nats-servers',
}

const REFUSALS =
  /permission denied|authentication|unauthori[sz]ed|forbidden|certificate|\b40[13]\b|auth token/i

const isRefused = ({ code, why }: { readonly code: string; readonly why: string }): boolean =>
  code === 'ACCESS_DENIED' || REFUSALS.test(why)

/** As the client of NATS says it, of an account too; or as the servers do, one of a domain of its own apart. */
const lacksJetStream = ({ store, servers }: Facts): boolean =>
  (store?.state === 'failed' && /has no JetStream/.test(store.why)) ||
  (servers.length > 0 && servers.every(({ lacksJetStream }) => lacksJetStream === true))

/** Whether the store can be asked. What is in it is `storeChecks`'. */
export const storeAccessChecks: readonly Check[] = [
  {
    id: 'store.unreachable',
    title: 'the store answers',
    find: (facts) => {
      const { store } = facts
      if (store?.state !== 'failed' || isRefused(store) || lacksJetStream(facts)) return []
      return [
        fatal(
          `${store.place} does not answer: ${store.why}`,
          `look whether it runs, and whether this host reaches it; is it the one that the agent uses (${FLAGS[store.type]})? known peers are reached meanwhile`,
        ),
      ]
    },
  },
  {
    id: 'store.no-jetstream',
    title: 'NATS has JetStream, for the account of the agent',
    find: (facts) => {
      const { store } = facts
      if (store?.state !== 'failed' || isRefused(store) || !lacksJetStream(facts)) return []
      return [
        fatal(
          `${store.place} cannot keep leases, for it has no JetStream: ${store.why}`,
          'start nats-server with JetStream (jetstream { store_dir: … } in its configuration), or enable it for the account (jetstream: enabled); known peers are reached meanwhile',
        ),
      ]
    },
  },
  {
    id: 'store.refused',
    title: 'the store accepts who asks',
    find: ({ store }) =>
      store?.state === 'failed' &&
      !(store.rights ?? []).some(({ isAllowed }) => isAllowed) &&
      isRefused(store)
        ? [
            fatal(
              `${store.place} refuses: ${store.why}`,
              'check the user, the token or the certificate that it is asked with, and its rights there',
            ),
          ]
        : [],
  },
  {
    id: 'store.rights',
    title: 'the store lets an agent do what it does there, item by item',
    find: ({ store }) => {
      const missing = store?.rights?.filter(({ isAllowed }) => !isAllowed) ?? []
      const [first] = missing
      // Credentials that may do nothing are the wrong ones.
      if (store === undefined || first === undefined || missing.length === store.rights?.length) return []
      return [
        fatal(
          `${store.place} does not let these credentials ${missing.map(({ does }) => does).join(', nor ')}`,
          missing.map(({ remedy }) => remedy).join('; '),
        ),
      ]
    },
  },
  {
    id: 'store.certificate',
    title: "the certificates of the connection to the store are valid for two weeks, the server's among them",
    pre: true,
    find: ({ certificates, servers, now }) => [
      ...certificates.flatMap(({ file, validTo, problem }) =>
        problem === undefined
          ? endsSoon(`the certificate in ${printable(file)}`, validTo, now)
          : [
              fatal(
                `${printable(file)} cannot be used for the connection to the store: ${problem}`,
                'name a PEM file that this user may read',
              ),
            ],
      ),
      ...servers.flatMap(({ url, certificateEnds }) =>
        endsSoon(`the certificate of ${printable(url)}`, certificateEnds, now),
      ),
    ],
  },
  {
    id: 'store.clock',
    title: 'the clocks of this host and of the store agree',
    find: ({ servers }) =>
      servers.flatMap(({ url, aheadMs }) => {
        if (aheadMs === undefined || Math.abs(aheadMs) < MAX_SKEW_MS) return []
        return [
          warning(
            `this host's clock is ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of ${printable(url)}: certificates and tokens count as ended or not begun, and times in logs do not match`,
            'find out which of the two is wrong (chronyc tracking; timedatectl), and let both follow the same time: timedatectl set-ntp true',
          ),
        ]
      }),
  },
]

function endsSoon(what: string, validTo: number | undefined, now: number): readonly Omit<Finding, 'id'>[] {
  const left = (validTo ?? Number.POSITIVE_INFINITY) - now
  if (left > CERTIFICATE_MARGIN_MS) return []
  const remedy = 'replace it by a new one: the agent reads its own at its next connection'
  const text = `${what} ${left < 0 ? 'ended' : 'ends'} on ${new Date(validTo ?? 0).toISOString()}`
  return [left < 0 ? fatal(text, remedy) : warning(text, remedy)]
}
