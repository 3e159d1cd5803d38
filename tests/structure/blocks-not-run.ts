/**
 * Blocks of documents that are part of no file that a test runs, and that no test takes by `documentBlock`, by their first
 * lines. Each names the test that runs the same, or that compares the output; or says why none does.
 */
export interface Elsewhere {
  /** The path of the test. */
  readonly test?: string
  /** Why no test runs it. */
  readonly reason?: string
}

const HOST = 'packages/selvedged/tests/host'
const NO_SYSTEMD =
  'no test has systemd as process 1; the programs that it starts are run by migration.test.ts'

export const ELSEWHERE: Readonly<Record<string, Readonly<Record<string, Elsewhere>>>> = {
  'README.md': {
    'npm install @selvedge/core @selvedge/store-local @selvedge/backend-vxlan @selvedge/dataplane-linux': {
      reason: 'it needs what a registry has, not what is here',
    },
    'npm run demo   # three hosts in network namespaces, an overlay between them, damage and healing': {
      test: 'lab/tests/demo.test.ts',
    },
    '3 hosts on one switch, an agent process on each, vxlan': { test: 'lab/tests/demo.test.ts' },
  },
  'CONTRIBUTING.md': { 'npm ci': { test: '.ci/run' } },
  'examples/README.md': { 'npm run build': { test: 'examples/src/examples.test.ts' } },
  'deploy/kubernetes/README.md': {
    'npm ci && npm run build': {
      reason: 'it needs a container engine; the image is put together by image.test.ts',
    },
  },
  'docs/from-flannel.md': {
    "tr '\\0' '\\n' < /proc/$(pidof flanneld)/cmdline": { reason: 'it needs a flanneld that runs' },
    'systemctl disable --now flanneld': { reason: NO_SYSTEMD },
    'systemctl enable --now selvedged': { reason: NO_SYSTEMD },
    'FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/migration.test.ts': {
      test: 'packages/selvedged/tests/migration.test.ts',
    },
  },
  'docs/install.md': {
    'apt install ./selvedged_0.1.0_amd64.deb': { test: `${HOST}/deb.test.ts` },
    'systemctl stop selvedged': { test: `${HOST}/cleanup.test.ts` },
    'tar --extract --xz --file selvedged-0.1.0-linux-amd64.tar.xz --directory /': {
      test: `${HOST}/service-script.test.ts`,
    },
  },
  'docs/traffic-rules.md': {
    "iptables-save | grep -E 'FLANNEL|^\\*'": { reason: 'it only looks' },
    'firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16': {
      reason: 'firewalld needs a system bus, which no test has',
    },
    '- name: kube-network-policies': { reason: 'it needs an image of another project' },
  },
  'packages/selvedged/README.md': {
    'npm install --global @selvedge/selvedged': { reason: 'it needs what a registry has, not what is here' },
  },
}
