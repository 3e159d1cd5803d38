/** Runs examples/src/k3s.ts, of docs/guides/embed-in-an-agent.md, on two hosts of a cluster. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { documentBlock, ExampleProgram, pingUntilReached } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { KubeRig } from './kube-rig.js'

/** What a kubelet may do since Kubernetes 1.32, and what the store needs. */
const KUBELET = ['--verb=get,patch', '--resource=nodes,nodes/status']
const CONTROLLER = ['--verb=get,list,watch,patch', '--resource=nodes,nodes/status']

test('an embedded overlay passes over credentials that may not, waits for rights and a PodCIDR, and carries packets', async () => {
  await using rig = await KubeRig.create({})
  const { lab, cluster } = rig
  const allow = async (user: string, rights: readonly string[]) => {
    await cluster.kubectl('create', 'clusterrole', user, ...rights)
    await cluster.kubectl('create', 'clusterrolebinding', user, `--clusterrole=${user}`, `--user=${user}`)
  }
  await allow('kubelet', KUBELET)
  const kubeconfigs = [await rig.kubeconfigFor('kubelet'), await rig.kubeconfigFor('controller')]
  const programs: ExampleProgram[] = []
  for (const [index, host] of lab.hosts.entries()) {
    await rig.register(index, [])
    const folder = join(lab.directory, host.name)
    await mkdir(folder)
    programs.push(ExampleProgram.start(host, 'k3s', [host.name, folder, ...kubeconfigs]))
  }
  for (const program of programs) {
    await program.line(/^not by .*kubelet/)
    const denied = documentBlock('docs/guides/embed-in-an-agent.md', 'not by /run/kubelet.kubeconfig', {
      '/run/kubelet.kubeconfig': kubeconfigs[0] ?? '',
    })
    expect(program.lines).toContain(denied)
    await program.line(
      /^not by .*controller.*: they may not get nodes \(h\d\), list nodes, watch nodes, patch/,
    )
  }

  await allow('controller', CONTROLLER)
  for (const [index, program] of programs.entries()) {
    const name = `h${index + 1}`
    await program.line(new RegExp(`^waiting for node ${name} to get a PodCIDR`))
    const spec = { podCIDR: `10.42.${index + 1}.0/24`, podCIDRs: [`10.42.${index + 1}.0/24`] }
    await cluster.kubectl('patch', 'node', name, '--patch', JSON.stringify({ spec }))
  }
  for (const [index, program] of programs.entries()) {
    await program.line(new RegExp(`^running: 10\\.42\\.${index + 1}\\.0/24, MTU 1450$`))
    await lab.host(index).ip('address', 'add', `10.42.${index + 1}.9/32`, 'dev', 'lo')
  }
  await pingUntilReached(lab.host(0), '10.42.2.9')
  await pingUntilReached(lab.host(1), '10.42.1.9')
  const read = (name: string) => readFile(join(lab.directory, 'h1', name), 'utf8')
  expect(await read('subnet.env')).toBe(
    'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  )
  expect(JSON.parse(await read('10-flannel.conflist')).plugins[0].subnetFile).toBe(
    join(lab.directory, 'h1', 'subnet.env'),
  )
  expect(await lab.host(0).exec('iptables-save', ['-t', 'nat'])).toContain('flanneld masq')
  expect((await rig.node(0)).status.conditions).toContainEqual(
    expect.objectContaining({ type: 'NetworkUnavailable', status: 'False' }),
  )
  for (const program of programs) {
    expect(await program.stop()).toBe(0)
    expect(program.lines.filter((line) => line.startsWith('error'))).toEqual([])
  }
})
