/** Blocks that no test runs, by their document and first line, and why none does. */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'CONTRIBUTING.md': { 'npm ci': 'it runs the tests; .ci/run does so from a clean checkout' },
  'deploy/kubernetes/README.md': {
    'npm ci && npm run build': 'it needs a container engine; the image is put together by image.test.ts',
  },
  'docs/from-flannel.md': {
    'FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/migration.test.ts':
      'it needs flanneld itself; without one, npm test runs the same file',
  },
  'docs/guides/unit-test-a-composition.md': {
    'npm install --save-dev @selvedge/conformance @selvedge/store-memory vitest':
      'vitest is in a registry, not here; npm run test:consumer installs the others from their tarballs',
  },
  'docs/guides/edge-on-nats.md': {
    'apt install nats-server && nats-server -c server.conf':
      'it installs a package; edge-on-nats.test.ts starts the server by that file',
    'nk -gen user -pubout > node.nk':
      'Debian has no nk; edge-on-nats.test.ts makes a key with the library that nk is part of',
  },
  'docs/traffic-rules.md': {
    '- name: kube-network-policies': 'it needs an image of another project',
  },
}
