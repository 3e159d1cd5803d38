/**
 * What k3s's agent does to set up flannel, with an embedded overlay: write the CNI configuration, find credentials that the
 * API server lets follow all nodes, wait for this node's PodCIDR, write subnet.env, keep the rules, and run.
 *
 *     node examples/dist/k3s.js NODE FOLDER KUBECONFIG...   # those that may not are passed over
 */
import { writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { firewall, trafficRules } from '@selvedge/firewall'
import { SubnetEnvFile } from '@selvedge/node-state'
import { type KubeStatus, KubeSubnetManager } from '@selvedge/store-kube'

const networkConfig = { Network: '10.42.0.0/16', Backend: { Type: 'vxlan' } }

export async function runNetwork(node: string, folder: string, kubeconfigs: string[], signal: AbortSignal) {
  const path = `${folder}/subnet.env`
  const conf = { name: 'cbr0', cniVersion: '1.0.0', plugins: [{ type: 'flannel', subnetFile: path }] }
  await writeFile(`${folder}/10-flannel.conflist`, JSON.stringify(conf))
  const subnets = await firstGranted(node, kubeconfigs, signal)
  await using file = new SubnetEnvFile({ path, onError: console.error })
  const drivers = [linux(), firewall()]
  await using overlay = createOverlay({ subnets, backend: vxlan(), parts: [trafficRules()], drivers })
  overlay.on('error', ({ code, message }) => console.error(`error: ${code}: ${message}`))
  const publish = () => file.publish(overlay.subnetEnv({ ipMasq: true }))
  overlay.on('joined', publish).on('mtu', publish)
  overlay.on('lease', ({ type }) => type === 'changed' && publish())
  await overlay.start({ signal, retry: true })
  await overlay.whenInSync({ signal })
  await subnets.reportNetworkAvailable({ signal }) // some clouds schedule no pod before
  console.error(`running: ${overlay.lease.subnet}, MTU ${overlay.mtu}`)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

/** A kubelet's credentials may not list nodes since Kubernetes 1.32; a role for others may be there a little later. */
async function firstGranted(node: string, kubeconfigs: string[], signal: AbortSignal) {
  const onStatus = ({ waitingFor }: KubeStatus) => waitingFor && console.error(waitingFor.message)
  for (; ; await setTimeout(1_000, undefined, { signal })) {
    for (const kubeconfigFile of kubeconfigs) {
      const subnets = new KubeSubnetManager({ access: { kubeconfigFile }, node, networkConfig, onStatus })
      const denied = await subnets.checkAccess({ signal }).catch((error) => error)
      if (denied === undefined) return subnets
      await subnets[Symbol.asyncDispose]()
      signal.throwIfAborted()
      console.error(`not by ${kubeconfigFile}: ${denied.message}`)
    }
  }
}

const [, program, node = '', folder = '', ...kubeconfigs] = process.argv
if (program === fileURLToPath(import.meta.url)) {
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  const ended = (error: unknown) => stop.signal.aborted || Promise.reject(error)
  await runNetwork(node, folder, kubeconfigs, stop.signal).catch(ended)
}
