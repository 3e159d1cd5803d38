import { join } from 'node:path'
import type { NetworkList } from '../../cni/runtime.js'
import type { Agent } from './agent.js'

/** The conf list that flannel's manifest installs, with the files of a demo's host. */
export const podNetwork = (folder: string, { subnetFile, controlSocket }: Agent): NetworkList => ({
  name: 'cbr0',
  cniVersion: '1.0.0',
  plugins: [
    {
      type: 'flannel',
      subnetFile,
      dataDir: join(folder, 'flannel'),
      agentSocket: controlSocket,
      ipam: { dataDir: join(folder, 'addresses') },
      delegate: { hairpinMode: true, isDefaultGateway: true },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
})

/** A further network of a pod's, as Multus attaches one: the plugin, delegating to a bridge of its own. */
export const attachedNetwork = (folder: string, agent: Agent, address: string): NetworkList => ({
  name: 'flannel-attachment',
  cniVersion: '1.0.0',
  plugins: [
    {
      type: 'flannel',
      subnetFile: agent.subnetFile,
      dataDir: join(folder, 'flannel-attachment'),
      ipam: { type: 'static', addresses: [{ address }] },
      delegate: { bridge: 'test0', isDefaultGateway: false },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ],
})

/** The same as the object that Multus reads. */
export const networkAttachment = ({ name, cniVersion, plugins }: NetworkList): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name },
  spec: { config: JSON.stringify({ cniVersion, plugins }) },
})
