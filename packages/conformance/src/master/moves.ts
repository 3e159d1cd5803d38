import type { Random } from '@selvedge/core'
import type { MasterHistory } from './history.js'
import { draw, editOfOurs, foreignEdit } from './others.js'
import type { MasterOverlay } from './overlay.js'
import type { MasterHost } from './types.js'

/** Something that may happen next, and how often in comparison with the other moves. */
export interface Move {
  readonly weight: number
  make(random: Random): void | Promise<void>
}

export function movesOf(
  host: MasterHost,
  twin: MasterHost,
  overlays: readonly MasterOverlay[],
  history: MasterHistory,
): readonly Move[] {
  const any = (random: Random): MasterOverlay => {
    const [first, ...others] = overlays
    if (first === undefined) throw new TypeError('there is no overlay')
    return draw(random, first, ...others)
  }
  const { trouble } = host
  return [
    { weight: 8, make: (random) => setPeer(any(random), random, history) },
    { weight: 2, make: (random) => setLocal(any(random), random, history) },
    {
      weight: 8,
      make: async (random) => void (await history.runOn(host, editOfOurs(random, any(random).plan))),
    },
    { weight: 4, make: (random) => history.runOnBoth(host, twin, foreignEdit(random)) },
    {
      weight: trouble === undefined ? 0 : 4,
      make: (random) => history.add(trouble?.call(host, random) ?? ''),
    },
    { weight: 5, make: (random) => pass(host, random, history) },
    { weight: 1, make: (random) => kill(any(random), history) },
    { weight: 2, make: (random) => openGate(any(random), history) },
  ]
}

function setPeer(overlay: MasterOverlay, random: Random, history: MasterHistory): void {
  const number = draw(random, 2, 3, 4, 5, 6, 7)
  // A node whose old lease has not ended yet is known by two leases at once.
  const owner = `peer ${number}${draw(random, '', '', '', ' as it was')}`
  if (random() < 0.3) {
    history.add(`${overlay.plan.link}: ${owner} leaves`)
    overlay.forget(owner)
    return
  }
  const settings = { mac: draw(random, 1, 2, 3, 4), host: draw(random, 2, 3, 4, 5), direct: random() < 0.2 }
  history.add(`${overlay.plan.link}: ${owner} is ${JSON.stringify(settings)}`)
  overlay.setPeer(owner, number, settings)
}

function setLocal(overlay: MasterOverlay, random: Random, history: MasterHistory): void {
  const settings = {
    mtu: draw(random, 1400, 1300),
    mac: draw(random, 1, 2),
    otherVni: random() < 0.3,
    parent: draw(random, 'eth0', 'eth0', 'slv-parent'),
  } as const
  history.add(`${overlay.plan.link}: local is ${JSON.stringify(settings)}`)
  overlay.setLocal(settings)
}

async function pass(host: MasterHost, random: Random, history: MasterHistory): Promise<void> {
  const milliseconds = Math.round(draw(random, 10, 100, 1_000, 10_000) * random())
  history.add(`${milliseconds} ms pass`)
  await host.pass(milliseconds)
}

async function kill(overlay: MasterOverlay, history: MasterHistory): Promise<void> {
  history.add(`${overlay.plan.link}: killed and started again`)
  await overlay.restart()
}

function openGate(overlay: MasterOverlay, history: MasterHistory): void {
  history.add(`${overlay.plan.link}: all leases are known`)
  overlay.openGate()
}
