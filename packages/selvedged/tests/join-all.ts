import type { Lab, Pod } from '@selvedge/lab'
import type { Selvedged, SelvedgedOptions } from './selvedged.js'
import { untilAllReach } from './until-all-reach.js'

/** Hosts, and what starts the agent of one of them. */
export interface AgentHosts {
  readonly lab: Lab
  start(index: number, options?: SelvedgedOptions): Selvedged
}

export interface Joined {
  readonly agents: Selvedged[]
  readonly pods: Pod[]
}

/** All hosts join; each has a pod, and each reaches all of them. */
export async function joinAll(rig: AgentHosts, options: SelvedgedOptions = {}): Promise<Joined> {
  const { lab } = rig
  const agents = lab.hosts.map((_, index) => rig.start(index, options))
  const pods = await Promise.all(agents.map((agent) => agent.addPod()))
  await Promise.all(agents.map((agent) => agent.inSync()))
  await untilAllReach([...pods, ...lab.hosts], pods)
  return { agents, pods }
}
