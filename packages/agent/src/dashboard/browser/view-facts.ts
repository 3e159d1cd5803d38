import { byId, type Child, el, setText } from './dom.js'
import type { Feed } from './feed.js'
import { countText, durationText, numberText } from './texts.js'
import { levelCounts, overallVerdict } from './verdicts.js'

export function renderFacts({ summary, peers }: Feed, now: number): void {
  const { node, store, kernel, drift, waitingFor, host, version, peerCount } = summary
  const { ok, warn, bad } = levelCounts(peers.values(), now)
  const overall = overallVerdict(summary, bad)
  setText(byId('host'), host)
  setText(
    byId('identity'),
    `selvedge ${version}${node === undefined ? '' : ` · ${node.addresses.join(', ')}`}`,
  )
  document.title = `${overall.level === 'ok' ? '' : '! '}${host} – selvedge`
  byId('facts').replaceChildren(
    fact(
      'Overlay',
      state(overall.level, overall.text),
      waitingFor ?? `${countText(kernel.desired, 'entry', 'entries')} in the kernel`,
    ),
    fact(
      'This node',
      node?.subnets.join(', ') ?? 'no lease yet',
      node === undefined ? '' : `${node.backend} on ${node.interfaceName}, MTU ${node.mtu}`,
      node?.expiresAt === undefined
        ? ''
        : `lease ends in ${durationText(node.expiresAt - now)} unless renewed`,
    ),
    fact(
      'Peers',
      numberText(peerCount),
      peerCount === 0
        ? ''
        : `${numberText(ok)} held, ${numberText(warn)} to look at, ${numberText(bad)} in trouble`,
    ),
    fact(
      'Store',
      state(store.connected ? 'ok' : 'bad', store.connected ? 'Connected' : 'Unavailable'),
      store.name,
      store.staleSince === undefined ? '' : `not confirmed for ${durationText(now - store.staleSince)}`,
      store.error ?? '',
    ),
    fact(
      'Drift',
      numberText(drift.total),
      drift.total === 0
        ? 'none since the agent started'
        : 'changed by other programs since the agent started',
    ),
  )
}

const state = (level: string, text: string): Node => el('span', { class: `state ${level}` }, text)

function fact(name: string, value: Child, ...notes: readonly string[]): Node {
  return el(
    'div',
    { class: 'fact' },
    el('h2', {}, name),
    el('p', { class: 'value' }, value),
    ...notes.filter((note) => note !== '').map((note) => el('p', { class: 'note' }, note)),
  )
}
