import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The only node of a cluster. */
export const NODE = 'same-node';
/** Of the node, in the network of the cluster: what has to be reached by pods listens there. */
export const ADDRESS = '10.200.0.1';
/** What every pod stands on; {@link import('./images.ts')} makes it. */
export const PAUSE = 'same.test/pause:1';

const PARTS = ['kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'];

/** What the parts of a cluster are told: texts by the names of their files in its directory. */
export function configuration(state: string, cgroup: string): Record<string, string> {
  const inside = (client: string): string => kubeconfig(state, client, 'https://127.0.0.1:6443');
  return {
    ...Object.fromEntries(PARTS.map((part) => [`${part}.kubeconfig`, inside(part)])),
    'inside.kubeconfig': inside('admin'),
    'containerd.toml': containerd(state),
    'cni/10-same.conflist': json(network(state)),
    'kubelet.json': json(kubelet(state, cgroup)),
    'proxy.json': json(proxy(state)),
    'resolv.conf': 'nameserver 10.96.0.10\n',
  };
}

/** Leads a client to the API, with its certificate in it. */
export function kubeconfig(state: string, client: string, server: string): string {
  const base64 = (name: string): string => readFileSync(join(state, 'pki', name)).toString('base64');
  return json({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'same', cluster: { server, 'certificate-authority-data': base64('ca.crt') } }],
    users: [
      {
        name: client,
        user: {
          'client-certificate-data': base64(`${client}.crt`),
          'client-key-data': base64(`${client}.key`),
        },
      },
    ],
    contexts: [{ name: 'same', context: { cluster: 'same', user: client } }],
    'current-context': 'same',
  });
}

function containerd(state: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const without = [
    'internal.v1.opt',
    ...['aufs', 'btrfs', 'zfs', 'devmapper'].map((name) => `snapshotter.v1.${name}`),
  ];
  return `version = 2
root = "${state}/volatile/containerd"
state = "/run/containerd/state"
disabled_plugins = ${JSON.stringify(without.map((name) => `io.containerd.${name}`))}
[grpc]
  address = "${state}/containerd.sock"
[${cri}]
  sandbox_image = "${PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${state}/cni"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

function network(state: string): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: `${state}/volatile/addresses`,
    ranges: [[{ subnet: '10.244.0.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return {
    cniVersion: '0.4.0',
    name: 'same',
    plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true } }],
  };
}

function kubelet(state: string, cgroup: string): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${state}/pki/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${state}/pki/kubelet-server.crt`,
    tlsPrivateKeyFile: `${state}/pki/kubelet-server.key`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    failSwapOn: false,
    failCgroupV1: false,
    containerRuntimeEndpoint: `unix://${state}/containerd.sock`,
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: `${state}/resolv.conf`,
    podLogsDir: `${state}/volatile/pods`,
    volumePluginDir: `${state}/volatile/plugins`,
    makeIPTablesUtilChains: false,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // What was brought without a registry could not be fetched again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    maxPods: 110,
    registerNode: true,
  };
}

function proxy(state: string): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: '10.244.0.0/16',
    hostnameOverride: NODE,
    bindAddress: '127.0.0.1',
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    clientConnection: { kubeconfig: `${state}/kube-proxy.kubeconfig` },
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
