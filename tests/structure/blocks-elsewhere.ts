/**
 * Blocks of documents that are part of no file that a test runs, by their first lines. Each names the test that runs the
 * same, or that compares the output; or says why none does.
 */
export interface Elsewhere {
  /** The path of the test. */
  readonly test?: string
  /** Why no test runs it. */
  readonly reason?: string
}

const CLI = 'packages/selvedged/tests/cli'
const KUBE = 'packages/selvedged/tests/kube'
const HOST = 'packages/selvedged/tests/host'
const BOOTSTRAP = 'packages/selvedged/tests/bootstrap-example.test.ts'
const NO_SYSTEMD =
  'no test has systemd as process 1; the programs that it starts are run by migration.test.ts'

export const ELSEWHERE: Readonly<Record<string, Readonly<Record<string, Elsewhere>>>> = {
  'README.md': {
    'npm install @selvedge/core @selvedge/store-local @selvedge/backend-vxlan @selvedge/dataplane-linux': {
      reason: 'it needs what a registry has, not what is here',
    },
    "import { vxlan } from '@selvedge/backend-vxlan'": { test: 'lab/tests/readme.test.ts' },
    'npm run demo   # three hosts in network namespaces, an overlay between them, damage and healing': {
      test: 'lab/tests/demo.test.ts',
    },
    '3 hosts on one switch, an agent process on each, vxlan': { test: 'lab/tests/demo.test.ts' },
  },
  'ARCHITECTURE.md': { 'flowchart LR': { test: 'site/site.test.mjs' } },
  'CONTRIBUTING.md': { 'npm ci': { test: '.ci/run' } },
  '.changeset/README.md': { '---': { test: 'tests/structure/changesets.test.ts' } },
  'examples/README.md': { 'npm run build': { test: 'examples/src/examples.test.ts' } },
  'lab/README.md': {
    "import { Lab, Network, PingStream, pingMatrix } from '@selvedge/lab'": {
      test: 'lab/tests/restart.test.ts',
    },
  },
  'deploy/kubernetes/README.md': {
    "kubectl -n kube-flannel get daemonset kube-flannel-ds -o jsonpath='{.spec.selector.matchLabels}'": {
      test: `${KUBE}/over-flannel.test.ts`,
    },
    'apiVersion: kustomize.config.k8s.io/v1beta1': { test: `${KUBE}/components.test.ts` },
    'kubectl apply -k deploy/my-cluster': { test: `${KUBE}/components.test.ts` },
    'kubectl kustomize deploy/my-cluster | kubectl replace --save-config -f -': {
      test: `${KUBE}/over-flannel.test.ts`,
    },
    'npm ci && npm run build': {
      reason: 'it needs a container engine; the image is put together by image.test.ts',
    },
  },
  'docs/dashboard.md': {
    'selvedged --dashboard --healthz-ip=127.0.0.1 --healthz-port=8285 …': {
      test: 'packages/selvedged/tests/dashboard/dashboard.test.ts',
    },
  },
  'docs/doctor.md': { '✗ firewall.forward-drop': { test: `${CLI}/doctor/doctor.test.ts` } },
  'docs/from-flannel.md': {
    "tr '\\0' '\\n' < /proc/$(pidof flanneld)/cmdline": { reason: 'it needs a flanneld that runs' },
    'systemctl disable --now flanneld': { reason: NO_SYSTEMD },
    'systemctl enable --now selvedged': { reason: NO_SYSTEMD },
    'FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/migration.test.ts': {
      test: 'packages/selvedged/tests/migration.test.ts',
    },
  },
  'docs/guides/embed-in-an-agent.md': {
    'not by /run/kubelet.kubeconfig: asking Kubernetes what these credentials may do: they may not list nodes, watch nodes; a role must allow it':
      { test: `${KUBE}/embedded.test.ts` },
  },
  'docs/guides/security-model.md': {
    'Error: etcdserver: permission denied': { test: 'packages/selvedged/tests/guides/security.test.ts' },
  },
  'docs/guides/without-a-cluster.md': {
    'node examples/dist/bootstrap.js /etc/edge/fleet.json /var/lib/edge/leases /run/edge/subnet.env': {
      test: BOOTSTRAP,
    },
    'node examples/dist/move.js /etc/edge/fleet.json http://10.0.0.5:2379': { test: BOOTSTRAP },
    '0 leases copied, 3 reserved, 0 there already': { test: BOOTSTRAP },
    'node examples/dist/edge.js http://10.0.0.5:2379 /var/lib/edge/leases-etcd /run/edge/subnet.env': {
      test: BOOTSTRAP,
    },
  },
  'docs/install.md': {
    'apt install ./selvedged_0.1.0_amd64.deb': { test: `${HOST}/deb.test.ts` },
    'systemctl stop selvedged': { test: `${HOST}/cleanup.test.ts` },
    'tar --extract --xz --file selvedged-0.1.0-linux-amd64.tar.xz --directory /': {
      test: `${HOST}/service-script.test.ts`,
    },
  },
  'docs/moving-a-cluster.md': {
    'selvedge leases copy --local-store /var/lib/overlay/leases --to-etcd-endpoints http://10.0.0.5:2379': {
      test: `${CLI}/store.test.ts`,
    },
    'selvedge leases copy --etcd-endpoints http://10.0.0.5:2379 --to-nats-servers nats://10.0.0.6:4222': {
      test: 'packages/selvedged/tests/moving.test.ts',
    },
    'node examples/dist/move.js /var/lib/overlay/leases http://10.0.0.5:2379': {
      test: 'packages/selvedged/tests/moving.test.ts',
    },
    "import { copyLeases } from '@selvedge/core'": { test: 'packages/selvedged/tests/moving.test.ts' },
  },
  'docs/selvedge.md': {
    '~ lease    10.244.202.0-24 in etcd': { test: `${CLI}/plan.test.ts` },
    'Routes: 2 held, 1 missing, 1 stale, 2 foreign': { test: `${CLI}/inspect.test.ts` },
    'From   this host': { test: `${CLI}/trace.test.ts` },
    '- traffic rules by iptables ipv4': { test: `${CLI}/cleanup.test.ts` },
    'selvedge config show --show-secrets > net-conf.json': { test: `${CLI}/store.test.ts` },
    '- Network "10.244.0.0/16"': { test: `${CLI}/store.test.ts` },
  },
  'docs/traffic-rules.md': {
    "iptables-save | grep -E 'FLANNEL|^\\*'": { reason: 'it only looks' },
    'firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16': {
      reason: 'firewalld needs a system bus, which no test has',
    },
    '- name: kube-network-policies': { reason: 'it needs an image of another project' },
  },
  'packages/backend-extension/README.md': { '{': { test: 'lab/tests/extension.test.ts' } },
  'packages/backend-tencentvpc/README.md': {
    '{ "Network": "10.244.0.0/16", "Backend": { "Type": "tencent-vpc" } }': {
      test: 'packages/selvedged/tests/tencent-vpc.test.ts',
    },
  },
  'packages/cni/README.md': { '{': { test: 'packages/cni/tests/plugin.test.ts' } },
  'packages/dataplane-linux/README.md': {
    '10.5.52.0/24 via 10.5.52.0 dev flannel.1 proto 157 onlink': {
      test: 'packages/dataplane-linux/tests/routes.test.ts',
    },
    '10.5.52.0/24 nhid 1342177281 via 10.5.52.0 dev flannel.1 proto 157 onlink': {
      test: 'packages/dataplane-linux/tests/routes.test.ts',
    },
    "ip -d link show type vxlan          # alias: the overlay's mark": { reason: 'it only looks' },
  },
  'packages/selvedged/README.md': {
    'npm install --global @selvedge/selvedged': { reason: 'it needs what a registry has, not what is here' },
    '07:03:12.402 INFO  network config  network=10.244.0.0/16  backend=vxlan': {
      test: 'packages/selvedged/tests/process.test.ts',
    },
  },
  'packages/store-etcd/README.md': {
    'etcdctl role add overlay': { test: 'packages/store-etcd/tests/auth.test.ts' },
  },
  'packages/store-kube/README.md': { 'rules:': { test: 'packages/store-kube/tests/kube/access.test.ts' } },
}
