/** flannel's manifest since v0.20: its names, labels and mounts. */

const namespace = 'kube-flannel'
const labels = { app: 'flannel', 'k8s-app': 'flannel', tier: 'node' }
const selected = { app: 'flannel', 'k8s-app': 'flannel' }

const hostPath = (name: string, path: string, type?: string) => ({
  name,
  hostPath: { path, ...(type && { type }) },
})
const mount = (name: string, mountPath: string) => ({ name, mountPath })
const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })

const pod = {
  hostNetwork: true,
  priorityClassName: 'system-node-critical',
  serviceAccountName: 'flannel',
  tolerations: [{ effect: 'NoSchedule', operator: 'Exists' }],
  initContainers: [
    {
      name: 'install-cni-plugin',
      image: 'flannel-cni-plugin',
      command: ['cp', '-f', '/flannel', '/opt/cni/bin/flannel'],
      volumeMounts: [mount('cni-plugin', '/opt/cni/bin')],
    },
    {
      name: 'install-cni',
      image: 'flannel',
      command: ['cp', '-f', '/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'],
      volumeMounts: [mount('cni', '/etc/cni/net.d'), mount('flannel-cfg', '/etc/kube-flannel/')],
    },
  ],
  containers: [
    {
      name: 'kube-flannel',
      image: 'flannel',
      command: ['/opt/bin/flanneld'],
      args: ['--ip-masq', '--kube-subnet-mgr'],
      env: [fromField('POD_NAME', 'metadata.name'), fromField('POD_NAMESPACE', 'metadata.namespace')],
      securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
      volumeMounts: [
        mount('run', '/run/flannel'),
        mount('flannel-cfg', '/etc/kube-flannel/'),
        mount('xtables-lock', '/run/xtables.lock'),
      ],
    },
  ],
  volumes: [
    hostPath('run', '/run/flannel'),
    hostPath('cni-plugin', '/opt/cni/bin'),
    hostPath('cni', '/etc/cni/net.d'),
    { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } },
    hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate'),
  ],
}

export const flannelManifest: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'k8s-app': 'flannel' } } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'flannel', namespace } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'flannel' },
    rules: [
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'flannel' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'flannel' },
    subjects: [{ kind: 'ServiceAccount', name: 'flannel', namespace }],
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-flannel-cfg', namespace, labels },
    data: {
      'cni-conf.json': '{}',
      'net-conf.json': '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
    },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-flannel-ds', namespace, labels },
    spec: {
      selector: { matchLabels: selected },
      template: { metadata: { labels }, spec: pod },
    },
  },
]
