"""What a test waits for of a program it has started, instead of for a while."""
import array
import fcntl
import pathlib
import termios
import time

PATIENCE = 30  # Seconds.


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)


def wait_until_it_catches(pid, *signals):
    """It has come as far as to handle them in order; before, they would kill it."""
    wanted = sum(1 << number - 1 for number in signals)

    def catches():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return caught & wanted == wanted

    wait_until(catches, f"{pid} catches {signals}")


def bytes_in(pipe):
    left = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0]


def wait_until_read(pipe):
    """Nothing that was written there is left in the pipe."""
    wait_until(lambda: bytes_in(pipe) == 0, "what is in a pipe is read")


def wait_until_in(pipe, least):
    wait_until(lambda: bytes_in(pipe) >= least, "something is in a pipe")


def wait_until_locked(path):
    """By whatever process."""
    inode = f":{pathlib.Path(path).stat().st_ino} "
    wait_until(lambda: inode in pathlib.Path("/proc/locks").read_text(), f"{path} is locked")
