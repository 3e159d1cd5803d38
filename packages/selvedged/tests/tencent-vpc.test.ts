/**
 * tencent-vpc by the agent. The cloud is a stand-in: its API and its metadata as Tencent documents them, and a VPC that
 * is the switch's kernel, so that packets between pods go by the routes that the agents write.
 */
import { join } from 'node:path'
import { documentBlock, pingMatrix, TencentCloudProcess, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

const KEY = { secretId: 'AKIDagent', secretKey: 'ThEsEcReTkEy' }
const variables = (cloud: TencentCloudProcess, address: string) => ({
  TENCENTCLOUD_SECRET_ID: KEY.secretId,
  TENCENTCLOUD_SECRET_KEY: KEY.secretKey,
  TENCENTCLOUD_METADATA_URL: cloud.metadataUrl(address),
})

async function rigWithCloud() {
  const rig = await Rig.create(undefined, { hosts: 2 })
  // The switch is the VPC: each host's gateway.
  await rig.lab.switch.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv4/conf/all/send_redirects': 0 })
  const cloud = await TencentCloudProcess.start(rig.lab.switch, {
    address: '192.168.77.254',
    prefix: '192.168.',
    key: KEY,
    instances: ['192.168.77.1', '192.168.77.2'],
    controlSocket: join(rig.lab.directory, 'cloud.sock'),
  })
  const { Network, Backend } = JSON.parse(
    documentBlock('packages/backend-tencentvpc/README.md', '{ "Network": '),
  )
  await rig.etcd.putConfig({ Network, Backend: { ...Backend, Endpoint: cloud.endpoint, PollInterval: 1 } })
  return { rig, cloud }
}

test('each agent writes its own route, pods reach each other by it, and one that gives its lease back removes its own', async () => {
  const { rig, cloud } = await rigWithCloud()
  await using _ = rig
  const start = (index: number, ...args: string[]) =>
    rig.start(index, { variables: variables(cloud, `192.168.77.${index + 1}`), args })
  // The second has its key by flanneld's names.
  const { TENCENTCLOUD_METADATA_URL } = variables(cloud, '192.168.77.2')
  const byFlanneldsNames = {
    TENCENTCLOUD_METADATA_URL,
    ACCESS_KEY_ID: KEY.secretId,
    ACCESS_KEY_SECRET: KEY.secretKey,
  }
  const [first, second] = [start(0, '-v=10'), rig.start(1, { variables: byFlanneldsNames, args: ['-v=10'] })]
  const pods = await Promise.all([first.addPod(), second.addPod()])
  await Promise.all([first.inSync(), second.inSync()])
  const [one, two] = [(await first.subnetEnv()).subnet, (await second.subnetEnv()).subnet]
  const line = (subnet: string | undefined, host: number) =>
    `rtb-main ${subnet} NORMAL_CVM 192.168.77.${host} 'selvedge ins-192-168-77-${host}'`
  expect((await cloud.state()).split('\n')).toEqual([line(one, 1), line(two, 2)].toSorted())
  await until('no loss', async () => {
    const entries = await pingMatrix(pods, pods)
    return entries.every(({ lost }) => lost === 0) ? entries : undefined
  })
  expect(await first.subnetEnv()).toMatchObject({ mtu: 1500 })

  // A restart finds its route.
  await first.kill()
  const again = start(0, '-release-lease')
  await again.inSync()
  expect((await cloud.state()).split('\n')).toEqual([line(one, 1), line(two, 2)].toSorted())

  // A node that is killed leaves its route, though its lease is gone: no other may remove it.
  await second.kill()
  for (const [key, value] of await rig.etcd.leases()) {
    if (value.includes('192.168.77.2')) await rig.etcd.delete(key)
  }
  await again.logged(/^peer .*(?:left|gone|removed|deleted)/)
  expect((await cloud.state()).split('\n')).toEqual([line(one, 1), line(two, 2)].toSorted())

  // One that gives its lease back removes its own.
  expect(await again.stop()).toMatchObject({ status: 0 })
  expect(await cloud.state()).toBe(line(two, 2))
  for (const agent of [first, second, again]) expect(agent.output).not.toContain(KEY.secretKey)
})

test('a route that is deleted in the console is written again', async () => {
  const { rig, cloud } = await rigWithCloud()
  await using _ = rig
  const agent = rig.start(0, { variables: variables(cloud, '192.168.77.1') })
  const { subnet = '' } = await agent.ready()
  await agent.inSync()
  const written = await cloud.state()
  await cloud.delete(subnet)
  expect(await cloud.state()).toBe('')
  await until('the route', async () => ((await cloud.state()) === written ? true : undefined))
})

test('away from the cloud, and without credentials, the agent says so, and says no secret', async () => {
  const { rig, cloud } = await rigWithCloud()
  await using _ = rig
  const away = rig.start(0, { variables: { TENCENTCLOUD_METADATA_URL: 'http://192.168.77.254:1/' } })
  await away.logged(
    /asking for the instance's metadata at http:.*tencent-vpc works on an instance of Tencent Cloud alone/,
  )
  const { TENCENTCLOUD_METADATA_URL: url } = variables(cloud, '192.168.77.2')
  const bare = rig.start(1, { variables: { TENCENTCLOUD_METADATA_URL: url } })
  await bare.logged(
    /the instance has no CAM role; bind a CAM role to the instance, set TENCENTCLOUD_SECRET_ID/,
  )
  await Promise.all([away.stop(), bare.stop()])
  const wrong = rig.start(1, {
    variables: { ...variables(cloud, '192.168.77.2'), TENCENTCLOUD_SECRET_KEY: 'WrOnG' },
  })
  await wrong.logged(
    /refused DescribeRouteTables: AuthFailure.SignatureFailure: .*the credentials are those of the agent/,
  )
  await wrong.stop()
  expect(wrong.output).not.toContain('WrOnG')
  expect(await rig.etcd.leases()).toEqual(new Map())
})
