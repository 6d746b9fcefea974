#!/usr/bin/env python3
"""What is installed, and the units in it: test_packaging.py CMAKE BUILD [unittest options].

Installs the build to a folder of its own.  The units are judged by systemd-analyze, and
what prepares an interface is tried on one in a network namespace: without the one or
root, the test says so and its status is 77."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = BUILD = None
WORST = 2.0  # As systemd-analyze counts exposure, of ten.
UNITS = ("segmon.service", "segmon@.service", "segmon-nic-setup@.service")
# What the sandbox lets through for other places than this, and does without here.
NOT_IN_UNIT = {"adjtimex", "clock_adjtime", "mincore", "sched_setaffinity", "setpriority"}


def setUpModule():
    global FOLDER, DESTINATION, PREFIX
    FOLDER = tempfile.TemporaryDirectory()
    DESTINATION = pathlib.Path(FOLDER.name) / "root"
    install()
    PREFIX = next(DESTINATION.rglob("bin/segmon")).parents[1]


def tearDownModule():
    FOLDER.cleanup()


def install():
    subprocess.run([CMAKE, "--install", BUILD], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(DESTINATION)})


def keys(unit, key):
    text = (PREFIX / "lib/systemd/system" / unit).read_text()
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


class Layout(unittest.TestCase):
    def test_has_the_program_its_pages_and_what_it_publishes(self):
        pages = {page.name for page in PREFIX.glob("share/man/man?/*")}
        self.assertEqual(pages, {page.name for page in (ROOT / "tools").rglob("*.[15]")} |
                         {"segmon-policy.5"})
        self.assertTrue((PREFIX / "share/segmon/segmon-event-1.0.json").is_file())
        self.assertTrue((PREFIX / "share/doc/segmon/examples/small-office.yaml").is_file())
        self.assertEqual({unit.name for unit in (PREFIX / "lib/systemd/system").iterdir()},
                         set(UNITS))
        self.assertTrue((PREFIX / "lib/sysusers.d/segmon.conf").is_file())

    def test_has_a_configuration_that_is_sound(self):
        config = next(DESTINATION.rglob("segmon/segmon.yaml"))
        run = subprocess.run([PREFIX / "bin/segmon", "check", "--config", config],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_keeps_a_configuration_that_is_there(self):
        config = next(DESTINATION.rglob("segmon/segmon.yaml"))
        before = config.read_text()
        config.write_text(before + "# mine\n")
        install()
        self.assertEqual(config.read_text(), before + "# mine\n")
        config.write_text(before)


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is missing")
class Units(unittest.TestCase):
    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)

    def test_are_valid(self):
        folder = pathlib.Path(FOLDER.name) / "verified"
        folder.mkdir()
        for unit in UNITS:  # Where their programs are now.
            text = (PREFIX / "lib/systemd/system" / unit).read_text()
            text = re.sub(r"^(ExecStart=)(/\S*(segmon|segmon-nic-setup)) ",
                          lambda m: f"{m[1]}{DESTINATION}{m[2]} ", text, flags=re.MULTILINE)
            (folder / unit).write_text(text)
        for unit in UNITS:
            run = self.analyze("verify", "--man=no", "--recursive-errors=no",
                               folder / unit.replace("@", "@dmz"))
            self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""), unit)

    def test_are_hardly_exposed(self):
        for unit in UNITS:
            run = self.analyze("security", "--offline=true", f"--threshold={int(10 * WORST)}",
                               PREFIX / "lib/systemd/system" / unit)
            self.assertEqual(run.returncode, 0, run.stdout[-300:] + run.stderr)

    def test_let_the_program_do_what_its_sandbox_does(self):
        """Which begins within the unit: what that refuses is not there any more."""
        groups, group = {}, None
        for line in self.analyze("syscall-filter").stdout.splitlines():
            if line.startswith("@"):
                group = groups.setdefault(line.split()[0], set())
            elif line.startswith("    ") and not line.strip().startswith("#"):
                group.add(line.strip())
        source = (ROOT / "tools/process/sandbox.c").read_text()
        calls = set(" ".join(re.findall(r'"([^"]*)"', re.search(
            r"char allowed\[\] =(.*?);\n", source, re.DOTALL)[1])).split())
        self.assertGreater(len(calls), 100)

        def expand(names):
            found = set()
            for name in names:
                found |= expand(groups[name]) if name.startswith("@") else {name}
            return found

        known = expand(["@known"])
        for unit in UNITS[:2]:
            allowed = set()
            for value in keys(unit, "SystemCallFilter"):
                if value.startswith("~"):
                    allowed -= expand(value[1:].split())
                else:
                    allowed |= expand(value.split())
            allowed |= expand(["@default"])
            self.assertEqual({"capset", "seccomp", "prctl", "listen", "accept4"} - allowed, set())
            self.assertEqual((calls & known) - allowed - NOT_IN_UNIT, set())
            families = set(keys(unit, "RestrictAddressFamilies")[0].split())
            self.assertEqual(families, set(re.findall(r"AF_\w+", re.search(
                r"families\[\] = \{(.*?)\}", source, re.DOTALL)[1])))

    def test_give_each_sensor_a_password_of_its_own(self):
        for unit, file in (("segmon.service", "redis-password"),
                           ("segmon@.service", "%i.redis-password")):
            name, path = keys(unit, "LoadCredential")[0].split(":")
            self.assertEqual((name, pathlib.Path(path).name), ("redis-password", file))


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ethtool"), "needs root and ethtool")
class Interface(unittest.TestCase):
    NAME = f"segmon-nic-{os.getpid()}"

    def inside(self, *command):
        return subprocess.run(["ip", "netns", "exec", self.NAME, *map(str, command)],
                              capture_output=True, text=True)

    def setUp(self):
        if subprocess.run(["ip", "netns", "add", self.NAME], capture_output=True).returncode:
            self.skipTest("this machine makes no network namespaces")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.NAME])
        self.inside("ip", "link", "add", "s0", "type", "veth", "peer", "name", "s1")

    def setup(self, interface):
        return self.inside(PREFIX / "libexec/segmon/segmon-nic-setup", interface)

    def test_is_prepared_for_capture(self):
        run = self.setup("s0")
        self.assertEqual(run.returncode, 0, run.stderr)
        shown = self.inside("ip", "-d", "link", "show", "s0").stdout
        self.assertRegex(shown, "<[^>]*PROMISC[^>]*>")
        self.assertRegex(shown, "<[^>]*UP[^>]*>")
        features = self.inside("ethtool", "-k", "s0").stdout
        for feature in ("generic-receive-offload", "tcp-segmentation-offload",
                        "generic-segmentation-offload", "rx-vlan-offload"):
            self.assertRegex(features, rf"{feature}: off")
        off = self.inside("cat", "/proc/sys/net/ipv6/conf/s0/disable_ipv6")
        self.assertIn(off.stdout.strip(), ("1", ""))
        self.assertIn("s0: not possible: ethtool -A", run.stderr)  # A pair has no flow control.

    def test_that_does_not_exist_is_a_failure(self):
        self.assertNotEqual(self.setup("s9").returncode, 0)


if __name__ == "__main__":
    CMAKE, BUILD = sys.argv[1:3]
    result = unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped:
        print("test_packaging.py: skipped:", *{reason for _, reason in result.skipped})
        sys.exit(77)
    sys.exit(not result.wasSuccessful())
