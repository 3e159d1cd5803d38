import { Lab, type LabOptions, type Member, Network, type NetworkSettings } from '../src/index.js'

/** A lab whose hosts have all joined one network, and know each other. */
export interface JoinedLab extends AsyncDisposable {
  lab: Lab
  network: Network
  members: Member[]
  /** The `index`th member, counted from 0. */
  member(index: number): Member
}

export async function joinedLab(
  config: object,
  options: LabOptions = {},
  settings: NetworkSettings = {},
): Promise<JoinedLab> {
  const lab = await Lab.create(options)
  try {
    const network = await Network.create(lab, config, settings)
    const members = await network.joinAll()
    const member = (index: number) => {
      const found = members[index]
      if (found === undefined) throw new RangeError(`no member ${index} of ${members.length}`)
      return found
    }
    return { lab, network, members, member, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() }
  } catch (error) {
    await lab[Symbol.asyncDispose]()
    throw error
  }
}

export const vxlanConfig = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** Times belong to what these tests show; they are printed, and only bounded generously. */
export function printTime(what: string, milliseconds: number): void {
  process.stdout.write(`    ${what.padEnd(60)} ${milliseconds.toFixed(1).padStart(8)} ms\n`)
}
