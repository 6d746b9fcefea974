#!/usr/bin/env python3
"""segmon top on a real terminal: test_top.py SEGMON [unittest options].

Every test has a redis-server and a tmux of its own, on sockets in a folder of its
own; the screen is what tmux has captured."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
TMUX = shutil.which("tmux")
WAIT = 20  # Seconds, for what should take less than two.
COLUMNS = ("flows allowed violations alerts got_through events src_packets dst_packets "
           "src_bytes dst_bytes missed_bytes duplicates one_sided")


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class Top(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server(folder.name, "--appendonly", "yes")
        self.addCleanup(lambda: self.server.kill())

    def tell(self, sensor="lab", seconds=0, **fields):
        """The state of a sensor, so many seconds after the first."""
        state = {"epoch": "66fd0a2c", "version": "0.1.0", "phase": "running", "frames": 0,
                 "last_seen": f"2026-03-10T12:00:{seconds:02}.000000Z",
                 "matrix.columns": COLUMNS, "policy.name": "office", "policy.revision": "7",
                 "interface.eth1": "capturing 1 2 3 4", **fields}
        self.server.call("HSET", "segmon:sensors", sensor, "66fd0a2c")
        words = [word for both in state.items() for word in both]
        self.server.call("HSET", "segmon:{%s}:state" % sensor, *words)

    def tell_pair(self, name, *values, sensor="lab"):
        self.server.call("HSET", "segmon:{%s}:matrix" % sensor, name, " ".join(map(str, values)))

    def tell_violation(self, rule, sensor="lab", severity="high", outcome="data"):
        self.server.call(
            "XADD", "segmon:{%s}:violation" % sensor, "*", "event",
            '{"@timestamp":"2026-03-10T12:00:07.120331Z","event":{"id":"a","dataset":'
            '"segmon.violation"},"observer":{"ingress":{"zone":"users"},"egress":{"zone":"web"}},'
            '"source":{"ip":"10.1.0.1"},"destination":{"ip":"10.2.0.1","port":443},'
            '"rule":{"id":"%s"},"segmon":{"severity":"%s","outcome":"%s"}}'
            % (rule, severity, outcome))


class Batch(Top):
    def print(self, *options, status=0, stdin=subprocess.DEVNULL):
        run = subprocess.run([SEGMON, "top", "-r", self.server.uri, *map(str, options)],
                             stdin=stdin, capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def test_without_a_terminal_it_prints_all_pages_once(self):
        self.tell(**{"lost.kernel": 12, "flows.active": 1234})
        self.tell_pair("users|web", 10, 5, 5, 0, 3, 2, 100, 200, 30000, 40000, 0, 0, 0)
        self.tell_violation("no-smb")
        text = self.print().stdout
        self.assertRegex(text, r"^segmon top  \S+ UTC  sensors 1 of 1  - pkt/s  - bit/s  1.2k flows")
        for wanted in (r"\nusers +web +10 +5 +0 +3 +- +- +70.0k  lab\n",
                       r"\n12:00:07.120 high +no-smb +users +web +1  10.1.0.1 -> 10.2.0.1:443 +data\n",
                       r"\nlab +running +66fd0a2c 0.1.0 .* 12       0     0s  office 7; eth1 capturing\n",
                       r"\nkernel +12 +0  frames, in the kernel's rings\n"):
            self.assertRegex(text, wanted)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("quit", text)

    def test_rates_come_with_the_second_state(self):
        self.tell(frames=1000, bytes=0)
        self.tell_pair("users|web", 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        run = subprocess.Popen([SEGMON, "top", "-r", self.server.uri, "-b", "-n", "2", "-d", "4"],
                               stdout=subprocess.PIPE, text=True)
        first_line = run.stdout.readline()  # All that it shows is read by then.
        self.tell(seconds=5, frames=6000, bytes=50000)
        self.tell_pair("users|web", 1, 1, 0, 0, 0, 0, 500, 0, 5000, 0, 0, 0, 0)
        text = first_line + run.communicate(timeout=WAIT)[0]
        first, second = text.split("segmon top")[1:]
        self.assertIn("- pkt/s  - bit/s", first)
        self.assertIn("1.0k pkt/s  80.0k bit/s", second)
        self.assertRegex(second, r"\nusers +web +1 +0 +0 +0 +8.0k +100 +5.0k  lab\n")

    def test_one_page_can_be_had(self):
        self.tell()
        text = self.print("--view", "sensors").stdout
        self.assertIn("\nlab ", text)
        self.assertNotIn("from ", text)

    def test_sensors_can_be_chosen(self):
        self.tell("a")
        self.tell("b")
        text = self.print("--view", "sensors", "--sensor", "b,c").stdout
        self.assertNotRegex(text, r"\na ")
        self.assertRegex(text, r"\nb +running ")
        self.assertRegex(text, r"\nc +unknown ")

    def test_a_sensor_that_stopped_is_silent_or_has_ended(self):
        self.tell("a", phase="ended")
        self.server.call("HSET", "segmon:sensors", "b", "0")
        text = self.print("--view", "sensors").stdout
        self.assertIn("sensors 0 of 2", text)
        self.assertRegex(text, r"\na +ended ")
        self.assertRegex(text, r"\nb +unknown ")

    def test_a_huge_matrix_is_shown_as_far_as_there_is_room(self):
        self.tell()
        for start in range(0, 20000, 1000):
            words = [word for i in range(start, start + 1000)
                     for word in (f"s{i}|d", f"{i} 0 0 0 0 0 0 0 {i}")]
            self.server.call("HSET", "segmon:{lab}:matrix", *words)
        began = time.monotonic()
        text = self.print("--view", "pairs").stdout
        self.assertLess(time.monotonic() - began, WAIT)
        self.assertGreater(text.count(" d  "), 100)

    def test_outputs_that_fail_and_what_waits_for_them_are_shown(self):
        self.tell(**{"events.spooled": 5210, "events.lag": 75, "output.0": "up /tmp/x",
                     "output.1": "down redis at h:1"})
        self.assertRegex(self.print("--view", "sensors").stdout,
                         r" 5.2k    75s  office 7; eth1 capturing; redis at h:1 down\n")

    def test_hostile_values_are_shown_harmless(self):
        evil = "\x1b[2J\x9b\u202e\n\0" + "x" * 5000
        self.tell(epoch=evil, version=evil, phase=evil, frames="-5", bytes="1e99",
                  **{"flows.active": "99999999999999999999999", "policy.name": evil,
                     "interface." + evil: evil, "matrix.columns": evil})
        for name in ("segmon:sensors", "segmon:{lab}:state", "segmon:{lab}:matrix"):
            self.server.call("HSET", name, evil, evil)
        self.tell_pair(f"{evil[:20]}|b", evil)
        self.tell_violation("a\\u001b[2J\\u202e")
        self.server.call("XADD", "segmon:{lab}:violation", "*", "event", "{")
        text = self.print().stdout
        self.assertRegex(text, r"\A[ -~\n]*\Z")
        self.assertTrue(all(len(line) <= 140 for line in text.splitlines()))
        self.assertIn("sensors 1 of 1", text)

    def test_a_key_of_another_type_is_told(self):
        self.tell()
        self.server.call("DEL", "segmon:{lab}:matrix")
        self.server.call("SET", "segmon:{lab}:matrix", "x")
        self.assertIn("WRONGTYPE", self.print(status=1).stderr)

    def test_mistakes_are_told(self):
        for options in (("--view", "x"), ("--delay", "0"), ("--delay", "nan"), ("-n", "0"),
                        ("--sensor", "a b"), ("x",), ("-r", "http://:secret@h"), ("--nosuch",)):
            run = self.print(*options, status=2)
            self.assertTrue(run.stderr)
            self.assertNotIn("secret", run.stderr)

    def test_no_server_is_told(self):
        self.server.kill()
        self.assertIn("refused", self.print(status=1).stderr)
        self.server.start()

    def test_needs_no_more_rights_than_the_manual_says(self):
        page = (ROOT / "tools/segmon.1").read_text()
        words = re.search(r"^ACL SETUSER viewer (.*?)^\.Ed", page,
                          re.MULTILINE | re.DOTALL)[1].split()
        self.assertEqual(self.server.call("ACL", "SETUSER", "viewer", *words), b"OK")
        self.tell()
        self.tell_violation("no-smb")
        text = self.print("-r", f"unix://viewer:password@{self.server.path}").stdout
        self.assertIn("no-smb", text)


@unittest.skipUnless(TMUX, "skipped: no tmux")
class Screen(Top):
    def setUp(self):
        super().setUp()
        self.socket = str(self.folder / "tmux")
        self.tell(**{"lost.kernel": 12})
        for i in range(60):
            self.tell_pair(f"from{i:02}|to", 100 - i, 0, i % 10, 0, 0, 0, 0, 0, i * 1000, 0, 0, 0, 0)
        self.tell_violation("no-smb")

    def tmux(self, *words):
        return subprocess.run([TMUX, "-S", self.socket, *words], capture_output=True, text=True,
                              timeout=WAIT, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def begin(self, *options, width=110, height=24):
        """In a shell that says how it ended, and what the terminal is like then."""
        script = self.folder / "run"
        words = " ".join([SEGMON, "top", "-r", self.server.uri, *options])
        script.write_text(f"echo $$ >{self.folder}/shell\n"
                          f"stty -a >{self.folder}/before\n{words}\nstatus=$?\n"
                          f"stty -a >{self.folder}/after\necho status $status\nsleep 60\n")
        self.addCleanup(self.tmux, "kill-server")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "bash", str(script))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def wait_for(self, pattern, absent=False):
        end = time.monotonic() + WAIT
        while True:
            screen = self.screen()
            if bool(re.search(pattern, screen)) != absent:
                return screen
            self.assertLess(time.monotonic(), end, f"{pattern}:\n{screen}")
            time.sleep(0.05)

    def pid(self):
        shell = (self.folder / "shell").read_text().strip()
        return int(pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def assert_restored(self, status):
        self.wait_for(rf"status {status}\n")
        after = (self.folder / "after").read_text()
        self.assertEqual((self.folder / "before").read_text(), after)
        self.assertIn(" echo ", after)
        self.assertIn("0", self.tmux("display-message", "-p", "#{alternate_on}"))
        self.assertIn("1", self.tmux("display-message", "-p", "#{cursor_flag}"))

    def test_shows_pages_by_number_and_by_tab(self):
        self.begin()
        self.wait_for(r"\[1 pairs\](.|\n)*\nfrom59 +to +41 +9 ")
        self.press("2")
        self.wait_for(r"\[2 violations\](.|\n)*\n12:00:07.120 high +no-smb ")
        self.press("Tab")
        self.wait_for(r"\[3 sensors\](.|\n)*\nlab +running +66fd0a2c ")
        self.press("Tab")
        self.wait_for(r"\[4 losses\](.|\n)*\nkernel +12 +0 ")
        self.press("q")
        self.assert_restored(0)

    def test_sorts_filters_scrolls_and_helps(self):
        self.begin()
        self.wait_for(r"\nfrom59 ")
        self.press("s")
        self.wait_for(r"sort: violations(.|\n)*bytes  sensor\nfrom59 ")
        self.press("s")
        self.wait_for(r"sort: flows(.|\n)*bytes  sensor\nfrom00 ")
        self.press("Down", "Down")
        self.wait_for(r"sensor\nfrom02 ")
        self.press("NPage")
        self.wait_for(r"sensor\nfrom21 ")
        self.press("f")
        self.press("from3", "Enter")
        screen = self.wait_for(r"filter: from3 ?\n")
        self.assertEqual(len(re.findall(r"\nfrom3\d ", screen)), 10)
        self.assertNotIn("from4", screen)
        self.press("h")
        self.wait_for("sort by something else")
        self.press("h")
        self.wait_for(r"\nfrom30 ")
        self.press("q")
        self.assert_restored(0)

    def test_follows_what_changes_unless_it_is_paused(self):
        self.begin("-d", "0.2")
        self.wait_for(r"\nfrom59 ")
        self.tell_pair("new|pair", 1, 0, 0, 0, 0, 0, 0, 0, 10 ** 9)
        self.tell(seconds=5, frames=5000)
        self.wait_for(r"1.0k pkt/s(.|\n)*sensor\nnew +pair ")
        self.press("2")
        self.tell_violation("rule-two")
        self.wait_for(r"seen\n12:00:07.120 high +rule-two ")
        self.press("p")
        self.wait_for(r"\(paused\)")
        self.tell_violation("rule-three")
        time.sleep(1)
        self.assertNotIn("rule-three", self.screen())
        self.press("p")
        self.wait_for("rule-three")

    def test_fits_a_terminal_that_changes_its_size(self):
        self.begin()
        self.wait_for("rows 1 to 19 of 60")
        self.tmux("resize-window", "-x", "60", "-y", "10")
        screen = self.wait_for("rows 1 to 5 of 60")
        self.assertEqual(len(screen.splitlines()), 10)
        self.tmux("resize-window", "-x", "150", "-y", "40")
        self.wait_for("rows 1 to 35 of 60")
        self.tmux("resize-window", "-x", "5", "-y", "2")
        time.sleep(0.5)
        self.tmux("resize-window", "-x", "110", "-y", "24")
        self.wait_for("rows 1 to 19 of 60")

    def test_says_that_the_server_went_away_and_goes_on_after(self):
        self.begin("-d", "0.2")
        self.wait_for(r"\nfrom59 ")
        self.server.kill()
        self.wait_for(r"(refused|reset|closed).*trying again(.|\n)*\nfrom59 ")
        self.server.start()
        self.wait_for("trying again", absent=True)
        self.tell_pair("new|pair", 1, 0, 0, 0, 0, 0, 0, 0, 10 ** 9)
        self.wait_for(r"sensor\nnew +pair ")

    def test_survives_a_server_that_hangs(self):
        self.begin("-d", "0.2")
        self.wait_for(r"\nfrom59 ")
        self.server.signal(signal.SIGSTOP)
        self.wait_for("no answer in time; trying again")
        self.press("2")
        self.wait_for(r"\[2 violations\]")
        self.server.signal(signal.SIGCONT)
        self.wait_for("trying again", absent=True)

    def end_by(self, number):
        self.begin()
        self.wait_for(r"\nfrom59 ")
        os.kill(self.pid(), number)
        self.assert_restored(128 + number)

    def test_restores_the_terminal_when_it_is_interrupted(self):
        self.end_by(signal.SIGINT)

    def test_restores_the_terminal_when_it_is_terminated(self):
        self.end_by(signal.SIGTERM)

    def test_control_c_ends_it(self):
        self.begin()
        self.wait_for(r"\nfrom59 ")
        self.press("C-c")
        self.assert_restored(130)

    def test_begins_with_the_page_that_is_asked_for(self):
        self.begin("--view", "losses")
        self.wait_for(r"\[4 losses\]")

    def test_a_terminal_that_cannot_be_drawn_on_gets_text(self):
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "40",
                  f"TERM=dumb {SEGMON} top -r {self.server.uri} --view sensors; sleep 60")
        self.addCleanup(self.tmux, "kill-server")
        self.wait_for(r"segmon top (.|\n)*\nlab +running ")


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
