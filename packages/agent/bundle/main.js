#!/usr/bin/env node
import { B as parseAddress } from "./dist-CuTn3iPo.js";
import { createRequire } from "node:module";
import process from "node:process";
import { setFlagsFromString } from "node:v8";

// packages/agent/dist/command-line/go-values.js
/**
* Values as Go's `flag` package reads them (strconv.ParseBool, strconv.ParseInt with base 0, time.ParseDuration), so
* that whatever flanneld took for a value is taken here, and nothing else. Each throws a SyntaxError that says why.
*/
const TRUE = [
	"1",
	"t",
	"T",
	"TRUE",
	"true",
	"True"
];
const FALSE = [
	"0",
	"f",
	"F",
	"FALSE",
	"false",
	"False"
];
function parseGoBoolean(text) {
	if (TRUE.includes(text)) return true;
	if (FALSE.includes(text)) return false;
	throw new SyntaxError("it must be true or false");
}
/** A sign, then digits of base 10, or of base 16, 8 or 2 by prefix; underscores may stand between digits. */
const INTEGER = /^[+-]?(?:0x(?:_?[0-9a-f])+|0b(?:_?[01])+|0o(?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/i;
/** Refuses what a JavaScript number cannot hold exactly, which is less than Go's 64 bits and more than any flag needs. */
function parseGoInteger(text) {
	if (!INTEGER.test(text)) throw new SyntaxError("it must be a whole number");
	const digits = text.replace(/^[+-]/, "").replaceAll("_", "");
	const value = Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
	if (!Number.isSafeInteger(value)) throw new SyntaxError("it is out of range");
	return text.startsWith("-") && value !== 0 ? -value : value;
}
const UNITS = {
	ns: 1e-6,
	us: .001,
	µs: .001,
	μs: .001,
	ms: 1,
	s: 1e3,
	m: 6e4,
	h: 36e5
};
const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
/** `1h30m`, `1.5s`, `300ms`, `0`: in milliseconds. */
function parseGoDuration(text) {
	if (!DURATION.test(text)) throw new SyntaxError("it must be a duration such as 90s or 1h30m");
	let milliseconds = 0;
	for (const [, amount, unit = ""] of text.matchAll(PART)) milliseconds += Number(amount) * (UNITS[unit] ?? 0);
	return text.startsWith("-") && milliseconds !== 0 ? -milliseconds : milliseconds;
}

// packages/agent/dist/command-line/flag-set.js
const stringFlag = (fallback, usage) => ({
	type: "string",
	fallback,
	usage,
	parse: (text) => text
});
/** A string that is never repeated in a message. */
const secretFlag = (usage) => ({
	...stringFlag("", usage),
	secret: true
});
const integerFlag = (fallback, usage) => ({
	type: "int",
	fallback,
	usage,
	parse: parseGoInteger
});
const booleanFlag = (fallback, usage) => ({
	type: "bool",
	fallback,
	usage,
	parse: parseGoBoolean
});
/** In milliseconds. */
const durationFlag = (fallback, usage) => ({
	type: "duration",
	fallback,
	usage,
	parse: parseGoDuration
});
/** May be given several times: each adds one. */
const listFlag = (usage) => ({
	type: "list",
	fallback: [],
	usage,
	parse: (text) => text
});
/** A command line, or an environment, that cannot be taken. The message names the flag and the value. */
var UsageError = class extends Error {
	name = "UsageError";
};
/**
* Reads a command line as Go's `flag` package does: `-x`, `--x`, `--x=y`, `--x y`, booleans only as `--x` or
* `--x=false`, the last of several counts. Flags that are not on it are taken from the environment, as `PREFIX_X_Y`;
* an empty variable counts as none.
*
* Unlike Go's it refuses arguments that are no flags: Go stops at the first and passes over all flags after it, so
* that `--ip-masq true --iface eth1` silently loses the second.
*
* Throws a UsageError.
*/
function parseFlags(table, args, environment) {
	const values = /* @__PURE__ */ new Map();
	let help = false;
	let last;
	const rest = [...args];
	for (let arg = rest.shift(); arg !== void 0; arg = rest.shift()) {
		const [, name = "", equals, text = ""] = /^--?([^-=][^=]*)(=)?(.*)$/s.exec(arg) ?? [];
		if (name === "") throw strayArgument(arg, last);
		const flag = Object.hasOwn(table, name) ? table[name] : void 0;
		last = flag;
		if (flag === void 0) {
			if (name !== "help" && name !== "h") throw new UsageError(`unknown flag: -${name}`);
			help = true;
		} else if (equals !== void 0) take(values, name, flag, text, `flag -${name}`);
		else if (flag.type === "bool") values.set(name, true);
		else {
			const next = rest.shift();
			if (next === void 0) throw new UsageError(`flag -${name} needs a value`);
			take(values, name, flag, next, `flag -${name}`);
		}
	}
	if (!help) takeEnvironment(values, table, environment);
	const all = Object.entries(table).map(([name, { fallback }]) => [name, values.get(name) ?? fallback]);
	return {
		values: Object.fromEntries(all),
		given: new Set(values.keys()),
		help
	};
}
function takeEnvironment(values, table, environment) {
	const given = new Set(values.keys());
	for (const [name, flag] of Object.entries(table)) {
		if (given.has(name) || environment.except?.includes(name)) continue;
		const variable = variableOf(name, environment.prefix);
		const text = environment.variables[variable];
		if (text) take(values, name, flag, text, `environment variable ${variable}`);
	}
}
/** `FLANNELD_ETCD_PREFIX` for `etcd-prefix`. */
function variableOf(name, prefix) {
	return `${prefix}_${name.toUpperCase().replaceAll("-", "_")}`;
}
function take(values, name, flag, text, source) {
	try {
		const value = flag.parse(text);
		const before = values.get(name);
		values.set(name, flag.type === "list" ? [...Array.isArray(before) ? before : [], value] : value);
	} catch (cause) {
		throw new UsageError(`invalid value ${JSON.stringify(text)} for ${source}: ${cause instanceof Error ? cause.message : cause}`, { cause });
	}
}
function strayArgument(arg, before) {
	if (before?.secret === true) return new UsageError("an argument (not shown: it follows a secret) is no flag");
	const hint = /^(true|false)$/i.test(arg) ? "; a boolean is given as --x or --x=false, never as --x false" : "";
	return new UsageError(`argument ${JSON.stringify(arg)} is no flag${hint}`);
}

// packages/agent/dist/command-line/flannel-flags.js
const DAY = 864e5;
/** Every flag of flanneld, v0.20 to v0.28, under its name and with its default. */
const flanneld = {
	"etcd-endpoints": stringFlag("http://127.0.0.1:4001,http://127.0.0.1:2379", "URLs of the etcd cluster's members, separated by commas"),
	"etcd-prefix": stringFlag("/coreos.com/network", "where etcd holds the network"),
	"etcd-keyfile": stringFlag("", "file with the key of the client's certificate, PEM"),
	"etcd-certfile": stringFlag("", "file with the client's certificate, PEM"),
	"etcd-cafile": stringFlag("", "file with the certificates that sign those of etcd, PEM"),
	"etcd-username": stringFlag("", "user name for etcd"),
	"etcd-password": secretFlag("password for etcd; better in FLANNELD_ETCD_PASSWORD, out of sight of ps"),
	"kube-subnet-mgr": booleanFlag(false, "take leases from Kubernetes nodes instead of etcd"),
	"kube-api-url": stringFlag("", "URL of the Kubernetes API server; not needed inside a pod"),
	"kube-annotation-prefix": stringFlag("flannel.alpha.coreos.com", "what the annotations of nodes begin with; at most one slash"),
	"kubeconfig-file": stringFlag("", "kubeconfig file; not needed inside a pod"),
	"net-config-path": stringFlag("/etc/kube-flannel/net-conf.json", "file with the network config, with -kube-subnet-mgr"),
	"set-node-network-unavailable": booleanFlag(true, "set the node's condition NetworkUnavailable to false once ready, with -kube-subnet-mgr"),
	iface: listFlag("interface to peers, by name or address; given several times, the first that is there counts"),
	"iface-regex": listFlag("the same by a regular expression on addresses, then on names; looked at after every -iface"),
	"iface-can-reach": stringFlag("", "the same by the address that it leads to; looked at after every -iface-regex"),
	"public-ip": stringFlag("", "IPv4 address at which peers reach this host; the interface's where absent"),
	"public-ipv6": stringFlag("", "IPv6 address at which peers reach this host; the interface's where absent"),
	"subnet-file": stringFlag("/run/flannel/subnet.env", "file to write the subnet and the MTU to"),
	"subnet-lease-renew-margin": integerFlag(60, "how many minutes before its end the lease is renewed, 1 to 1439"),
	"ip-masq": booleanFlag(false, "masquerade what leaves the network"),
	"ip-masq-fully-random-disable": booleanFlag(false, "masquerade without randomised source ports"),
	"iptables-resync": integerFlag(5, "how often traffic rules are checked, in seconds"),
	"iptables-forward-rules": booleanFlag(true, "let traffic from and to the network be forwarded"),
	"ip-blackhole-route": booleanFlag(false, "drop what is sent to addresses of this host's subnet that no pod has"),
	"healthz-ip": stringFlag("0.0.0.0", "address to serve /healthz, /readyz and /metrics at"),
	"healthz-port": integerFlag(0, "port to serve them at; 0 for not at all"),
	v: integerFlag(0, "how much to log: 1 adds each change, 4 each detail"),
	vmodule: stringFlag("", "has no effect"),
	log_backtrace_at: stringFlag("", "has no effect"),
	version: booleanFlag(false, "print the version and exit")
};
/** What flanneld has not. */
const own = {
	"lease-cache": stringFlag("/var/lib/selvedge/leases", "file that keeps the last known leases, to start from while etcd is away; empty for none"),
	"etcd-lease-ttl": durationFlag(DAY, "how long a lease in etcd lasts unless renewed; at least 5s"),
	"release-lease": booleanFlag(false, "give the lease back when stopped: for hosts that leave for good")
};
const flags = {
	...flanneld,
	...own
};
/** Flags that flanneld has not; for the help and the README. */
const ownFlags = Object.keys(own);
/** Begins the names of the environment variables that stand for flags. */
const VARIABLE_PREFIX = "FLANNELD";
/** flanneld looks at this one before it looks at its environment, where images keep their version under that name. */
const NOT_FROM_ENVIRONMENT = ["version"];

// packages/agent/dist/command-line/absent.js
const given = (flag) => (_, given) => given.has(flag);
const withoutKubernetes = (flag) => ({
	flag,
	asked: (values, given) => given.has(flag) && !values["kube-subnet-mgr"],
	answer: "warn",
	says: "has no effect without -kube-subnet-mgr"
});
const absent = [
	withoutKubernetes("kube-api-url"),
	withoutKubernetes("kube-annotation-prefix"),
	withoutKubernetes("kubeconfig-file"),
	withoutKubernetes("net-config-path"),
	withoutKubernetes("set-node-network-unavailable"),
	{
		flag: "ip-masq",
		asked: (values) => values["ip-masq"],
		answer: "refuse",
		says: "masquerading is not in this version, and pods would reach nothing outside the network; leave the flag out: subnet.env then tells the CNI plugin to masquerade"
	},
	{
		flag: "ip-masq-fully-random-disable",
		asked: given("ip-masq-fully-random-disable"),
		answer: "warn",
		says: "has no effect: masquerading is not in this version"
	},
	{
		flag: "iptables-forward-rules",
		asked: (values) => values["iptables-forward-rules"],
		answer: "warn",
		says: "forward rules are not in this version: where the policy of iptables' FORWARD chain is DROP, as Docker sets it, accept traffic from and to the network yourself; -iptables-forward-rules=false says that this is done"
	},
	{
		flag: "iptables-resync",
		asked: given("iptables-resync"),
		answer: "warn",
		says: "has no effect: traffic rules are not in this version"
	},
	{
		flag: "ip-blackhole-route",
		asked: (values) => values["ip-blackhole-route"],
		answer: "warn",
		says: "the blackhole route is not in this version: what is sent to an address that no pod has takes the default route"
	},
	{
		flag: "vmodule",
		asked: given("vmodule"),
		answer: "warn",
		says: "has no effect; use -v"
	},
	{
		flag: "log_backtrace_at",
		asked: given("log_backtrace_at"),
		answer: "warn",
		says: "has no effect"
	}
];
/** A sentence for each flag that is told; throws a UsageError for one that is refused. */
function absentFeatures(values, given) {
	const warnings = [];
	for (const { flag, asked, answer, says } of absent) {
		if (!asked(values, given)) continue;
		if (answer === "refuse") throw new UsageError(`flag -${flag}: ${says}`);
		warnings.push(`flag -${flag}: ${says}`);
	}
	return warnings;
}

// packages/agent/dist/command-line/go-regexp.js
/** Go's names for classes of ASCII characters, inside brackets. */
const CLASSES = {
	alnum: "0-9A-Za-z",
	alpha: "A-Za-z",
	digit: "0-9",
	lower: "a-z",
	upper: "A-Z",
	word: "\\w",
	xdigit: "0-9A-Fa-f"
};
/** What is put where; the rest of the two syntaxes is the same, or refused by one that says so. */
const REWRITES = [
	[/\(\?P</g, () => "(?<"],
	[/\[:(\w+):\]/g, (whole, name = "") => CLASSES[name] ?? whole],
	[/\\([!"#%&',:;<=>@_`~-])/g, (_, mark = "") => mark === "-" ? "\\x2d" : mark],
	[/\\A/g, () => "^"],
	[/\\z/g, () => "$"]
];
/**
* A regular expression as Go's `regexp` takes it, such as flanneld's `-iface-regex`: `(?i)^eth\d+$`. Throws a
* SyntaxError for what is none, or has no like in JavaScript.
*/
function parseGoRegExp(text) {
	const [, modifiers = ""] = /^\(\?([ims]+)\)/.exec(text) ?? [];
	const body = modifiers === "" ? text : text.slice(modifiers.length + 3);
	const source = REWRITES.reduce((rewritten, [pattern, by]) => rewritten.replace(pattern, by), body);
	return new RegExp(source, `u${[...new Set(modifiers)].join("")}`);
}

// packages/agent/dist/command-line/kube-settings.js
/** As flanneld finds the API server and its own node. Throws a UsageError that says what is missing. */
function kubeSettings(values, variables) {
	return {
		type: "kubernetes",
		access: accessOf(values, variables),
		node: nodeOf(variables),
		networkConfigFile: values["net-config-path"],
		annotationPrefix: values["kube-annotation-prefix"],
		setNetworkUnavailable: values["set-node-network-unavailable"]
	};
}
/** A kubeconfig, else the pod's service account; a URL counts instead of theirs, and where there is neither alone. */
function accessOf(values, variables) {
	const { "kube-api-url": url, "kubeconfig-file": kubeconfigFile } = values;
	if (url !== "") checkUrl(url);
	if (kubeconfigFile !== "") return {
		kubeconfigFile,
		...url !== "" && { apiUrl: url }
	};
	const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables;
	if (host && port) return {
		pod: {
			host,
			port
		},
		apiUrl: url || void 0
	};
	if (url !== "") return { apiUrl: url };
	throw new UsageError("flag -kube-subnet-mgr: outside of a pod, -kubeconfig-file or -kube-api-url must say where the API server is");
}
function checkUrl(text) {
	const url = URL.canParse(text) ? new URL(text) : void 0;
	if (url !== void 0 && url.username === "" && url.password === "" && (url.protocol === "https:" || url.protocol === "http:")) return;
	const shown = text.slice(text.lastIndexOf("@") + 1);
	throw new UsageError(`invalid value ${JSON.stringify(shown)} for flag -kube-api-url: it must be a URL such as https://10.96.0.1:443, without user and password`);
}
function nodeOf({ NODE_NAME, POD_NAME, POD_NAMESPACE }) {
	if (NODE_NAME) return NODE_NAME;
	if (POD_NAME && POD_NAMESPACE) return {
		podName: POD_NAME,
		podNamespace: POD_NAMESPACE
	};
	throw new UsageError("flag -kube-subnet-mgr: the environment must say which node this is, by NODE_NAME or by POD_NAME and POD_NAMESPACE");
}

// packages/agent/dist/command-line/settings.js
const MINUTE = 6e4;
/** An etcd lease of flannel's lasts 24 hours, and has to be renewed within them. */
const LONGEST_MARGIN = 1439;
const SHORTEST_TTL = 5e3;
const LAST_PORT = 65535;
/** Checks what was given. Throws a UsageError that names the flag and the value. */
function readSettings(values, given, variables) {
	const margin = values["subnet-lease-renew-margin"];
	if (margin < 1 || margin > LONGEST_MARGIN) throw invalid("subnet-lease-renew-margin", margin, `it must be 1 to ${LONGEST_MARGIN}`);
	const port = values["healthz-port"];
	if (port < 0 || port > LAST_PORT) throw invalid("healthz-port", port, `it must be 0 to ${LAST_PORT}`);
	if (values["subnet-file"] === "") throw invalid("subnet-file", "", "it must name a file");
	return {
		warnings: absentFeatures(values, given),
		store: values["kube-subnet-mgr"] ? kubeSettings(values, variables) : etcdSettings(values),
		externalInterface: interfaceSettings(values),
		publicIp: addressOf(values, "public-ip", 4),
		publicIpv6: addressOf(values, "public-ipv6", 6),
		subnetFile: values["subnet-file"],
		renewMargin: margin * MINUTE,
		ipMasq: values["ip-masq"],
		leaseCache: values["lease-cache"] || void 0,
		releaseLease: values["release-lease"],
		health: port === 0 ? void 0 : {
			ip: values["healthz-ip"],
			port
		},
		verbosity: values.v
	};
}
function etcdSettings(values) {
	const { "etcd-username": username, "etcd-password": password, "etcd-lease-ttl": ttl } = values;
	const { "etcd-cafile": ca, "etcd-certfile": cert, "etcd-keyfile": key } = values;
	if (cert === "" !== (key === "")) throw new UsageError("flags -etcd-certfile and -etcd-keyfile belong together: give both, or neither");
	if (username === "" !== (password === "")) throw new UsageError("flags -etcd-username and -etcd-password belong together: give both, or neither");
	if (ttl < SHORTEST_TTL || ttl % 1e3 !== 0) throw invalid("etcd-lease-ttl", `${ttl / 1e3}s`, "it must be whole seconds, at least 5s");
	const secure = [
		ca,
		cert,
		key
	].some((file) => file !== "");
	return {
		type: "etcd",
		endpoints: values["etcd-endpoints"].split(",").map((text) => endpointOf(text.trim(), secure)),
		prefix: values["etcd-prefix"],
		tls: {
			...ca && { ca },
			...cert && { cert },
			...key && { key }
		},
		username: username || void 0,
		password: password || void 0,
		leaseTerm: ttl
	};
}
/** As etcd's own clients do, takes `host:port` without a scheme too. */
function endpointOf(text, secure) {
	const url = text.includes("://") ? text : `${secure ? "https" : "http"}://${text}`;
	const parsed = URL.canParse(url) ? new URL(url) : void 0;
	if (parsed === void 0 || !/^https?:$/.test(parsed.protocol) || parsed.hostname === "") throw invalid("etcd-endpoints", withoutUser(text), "each must be a URL such as https://10.0.0.5:2379");
	if (parsed.username !== "" || parsed.password !== "") throw invalid("etcd-endpoints", withoutUser(text), "user and password go into -etcd-username and -etcd-password");
	return url;
}
/** Before an `@` may stand a password. */
function withoutUser(text) {
	return text.slice(text.lastIndexOf("@") + 1);
}
function interfaceSettings(values) {
	const patterns = values["iface-regex"].map((text) => {
		try {
			return parseGoRegExp(text);
		} catch (cause) {
			throw invalid("iface-regex", text, cause instanceof Error ? cause.message : String(cause));
		}
	});
	const canReach = values["iface-can-reach"] || void 0;
	if (canReach !== void 0 && parseAddress(canReach) === void 0) throw invalid("iface-can-reach", canReach, "it must be an IP address");
	const empty = values.iface.find((text) => text.trim() === "");
	if (empty !== void 0) throw invalid("iface", empty, "it must be a name or an address");
	return {
		namesOrAddresses: values.iface,
		patterns,
		canReach
	};
}
function addressOf(values, flag, family) {
	const text = values[flag];
	if (text === "") return void 0;
	if (parseAddress(text)?.family !== family) throw invalid(flag, text, `it must be an IPv${family} address`);
	return text;
}
function invalid(flag, value, rule) {
	return new UsageError(`invalid value ${JSON.stringify(value)} for flag -${flag}: ${rule}`);
}

// packages/agent/dist/command-line/command-line.js
/** Reads selvedged's command line and environment. Throws a UsageError. */
function readCommandLine(args, variables) {
	const { values, given, help } = parseFlags(flags, args, {
		prefix: VARIABLE_PREFIX,
		variables,
		except: NOT_FROM_ENVIRONMENT
	});
	if (help) return { type: "help" };
	if (values.version) return { type: "version" };
	return {
		type: "run",
		settings: readSettings(values, given, variables)
	};
}

// packages/agent/dist/command-line/help.js
/** The text of `--help`, one flag after the other in the manner of Go's `flag` package. */
function helpText(table, program) {
	const lines = Object.entries(table).sort(([a], [b]) => a < b ? -1 : 1).map(([name, flag]) => `  -${name}${kind(flag)}\n    \t${flag.usage}${fallback(flag)}`);
	return [
		`Usage: ${program} [-flag[=value]]...`,
		"",
		"The agent of an overlay network on this host, with the flags of flanneld.",
		"Each flag can also be given in the environment: FLANNELD_ETCD_PREFIX for -etcd-prefix.",
		"",
		...lines,
		""
	].join("\n");
}
function kind({ type }) {
	if (type === "bool") return "";
	return type === "list" ? " string (repeatable)" : ` ${type}`;
}
function fallback({ type, fallback }) {
	if (type === "list" || fallback === "" || fallback === false || fallback === 0) return "";
	if (type === "duration") return ` (default ${Number(fallback) / 36e5}h)`;
	return ` (default ${typeof fallback === "string" ? JSON.stringify(fallback) : fallback})`;
}

// packages/agent/dist/main.js
/** As shells and Go's flag package have it. */
const USAGE = 2;
const { version } = createRequire(import.meta.url)("../package.json");
const command = commandOf(process.argv.slice(2));
switch (command?.type) {
	case void 0:
		process.exitCode = USAGE;
		break;
	case "help":
		process.stdout.write(helpText(flags, "selvedged"));
		break;
	case "version":
		process.stdout.write(`selvedged ${version}\n`);
		break;
	case "run": {
		setFlagsFromString("--semi-space-growth-factor=1");
		const { runProcess } = await import("./run-process-CBHOj9EN.js");
		await runProcess(command.settings, version);
	}
}
function commandOf(args) {
	try {
		return readCommandLine(args, process.env);
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		process.stderr.write(`selvedged: ${error.message}\nselvedged --help tells of all flags.\n`);
		return;
	}
}

export {  };