import { NATS_SERVER, Nats } from '../../../nats.js'
import { type Rig, SWITCH_ADDRESS, vxlanConfig } from '../../../rig.js'
import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { free } from './records.js'

const servers = new WeakMap<Rig, Nats>()

/** Starts the server beside the hosts of a bench, and names it. */
export async function natsStore(rig: Rig): Promise<readonly string[]> {
  const nats = new Nats(rig.lab.switch, SWITCH_ADDRESS, rig.lab.directory)
  servers.set(rig, nats)
  await nats.start()
  await nats.setConfig(vxlanConfig)
  return nats.flags
}

function natsOf({ rig }: Bench): Nats {
  const nats = servers.get(rig)
  if (nats === undefined) throw new Error('this bench has no NATS')
  return nats
}

/** As it was, with its data. */
async function restart(bench: Bench, config?: string): Promise<void> {
  await natsOf(bench).kill()
  await natsOf(bench).start(config)
}

/** Publishes to the bucket that holds reservations, as `nats kv put` and `del` do. */
const publish = (bench: Bench, value: string, headers: Readonly<Record<string, string>> = {}) =>
  bench.rig.lab.switch.exec(process.execPath, [
    '--input-type=module',
    '-e',
    PUBLISH,
    natsOf(bench).url,
    `$KV.selvedge.subnets.${free(bench)}`,
    value,
    ...Object.entries(headers).flat(),
  ])

const PUBLISH = `import { connect, headers } from '@nats-io/transport-node'
const [, url, subject, value, name, text] = process.argv
const nc = await connect({ servers: url })
const head = headers()
if (name !== undefined) head.set(name, text)
await nc.request(subject, value, { headers: head, timeout: 10_000 })
await nc.close()`

/** Of hosts whose leases are in NATS. */
export const NATS: readonly Fault[] = [
  {
    name: 'NATS is down',
    id: 'store.unreachable',
    says: /NATS at nats:\/\/192\.168\.77\.254:4222, bucket selvedge does not answer/,
    inject: (bench) => natsOf(bench).kill(),
    mend: (bench) => natsOf(bench).start(),
  },
  {
    name: 'NATS runs without JetStream',
    id: 'store.no-jetstream',
    says: /NATS at nats:\/\/192\.168\.77\.254:4222, bucket selvedge cannot keep leases, for it has no JetStream/,
    inject: (bench) => restart(bench, ''),
    mend: (bench) => restart(bench),
  },
  {
    name: 'the password of NATS is wrong',
    id: 'store.refused',
    says: /refuses: .*Authorization Violation/,
    inject: (bench) => natsOf(bench).restrict('authorization { user: node, password: right-one }'),
    args: ['--nats-username=node', '--nats-password=wrong-one'],
    argsAfter: [],
    mend: (bench) => restart(bench),
  },
  {
    name: 'a user of NATS may read, and not write',
    id: 'store.rights',
    says: /does not let these credentials write leases to the bucket selvedge(-leases)?, nor write claims/,
    inject: (bench) =>
      natsOf(bench).restrict(`no_auth_user: node
        authorization { users: [
          { user: node, password: secret }
          { user: reader, password: secret, permissions: { publish: ["$JS.API.>", "$JS.FC.>"] } }
        ] }`),
    args: ['--nats-username=reader', '--nats-password=secret'],
    argsAfter: [],
    mend: (bench) => restart(bench),
  },
  {
    name: 'the doctor, or the agent, is given another bucket',
    id: 'store.no-config',
    says: /bucket other has no network config/,
    args: ['--nats-bucket=other'],
    argsAfter: [],
    inject: async () => {},
    mend: async () => {},
  },
  {
    name: 'the certificate of a server of NATS ends tomorrow',
    id: 'store.certificate',
    says: /certificate of tls:\/\/192\.168\.77\.1:4299 ends on/,
    inject: async (bench) => {
      const { folder } = bench
      await bench.sh(`cd ${folder}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
        -subj /CN=nats -keyout nats.key -out nats.pem 2> /dev/null
        printf 'listen: "192.168.77.1:4299"\ntls { cert_file: nats.pem, key_file: nats.key }\n' > tls.conf`)
      bench.spawnStray('sh', ['-ec', `cd ${folder}; exec ${NATS_SERVER} -c tls.conf`])
    },
    args: ['--nats-servers=tls://192.168.77.1:4299'],
    argsAfter: [],
    mend: (bench) => bench.endStray(),
  },
  {
    name: 'a record that is no lease',
    id: 'store.records',
    says: /10\.244\.\d+\.0-24/,
    inject: (bench) => publish(bench, '{"PublicIP": 7}'),
    mend: (bench) => publish(bench, '', { 'KV-Operation': 'DEL' }),
  },
]
