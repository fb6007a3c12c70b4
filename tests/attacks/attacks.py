"""What a hostile submission may try. Each entry is the body of a function that is run at import and before every call.

`@COURSE@` stands for the course, `@INBOX@` for the folder of the class, `@CANARY@` for a file that must never appear,
`@PORT@` and `@SOCKET@` for a listening TCP port and a listening abstract socket of the test. What an attack learns it
prints after the word STOLEN.
"""

from __future__ import annotations

ATTACKS: dict[str, str] = {
    # --- read what is not theirs
    "reads_the_reference": "steal('@COURSE@/solutions/day1_federated_learning/fed_avg/fed_avg.py')",
    "reads_the_hidden_checks": "steal('@COURSE@/solutions/day1_federated_learning/fed_avg/test_hidden.py')",
    "lists_the_course": "print('STOLEN', os.listdir('@COURSE@'))",
    "reads_the_neighbour": "steal('@INBOX@/aaa_right/fed_avg.py')",
    "reads_the_home": "print('STOLEN', os.listdir(os.path.expanduser('~root')))",
    "reads_the_parents_environment": "steal('/proc/%d/environ' % os.getppid())",
    "reads_its_own_memory_map": "steal('/proc/self/maps')",
    "reads_every_process": "[steal(f'/proc/{pid}/cmdline') for pid in range(1, 400)]",
    "reads_password_file": "steal('/etc/passwd')",
    "follows_a_link_out": "os.symlink('@COURSE@/solutions', 'out'); print('STOLEN', os.listdir('out'))",
    "follows_a_hard_link_out": "os.link('@COURSE@/README.md', 'out'); steal('out')",
    "imports_the_grader_sources": "import grader.grade; print('STOLEN', grader.grade)",
    "looks_for_checks_in_memory": (
        "import gc\n"
        "for found in gc.get_objects():\n"
        "    if isinstance(found, dict) and any('test_' in str(key) and 'hidden' in str(key) for key in list(found)[:50]): print('STOLEN', list(found))"
    ),
    "walks_the_frames": (
        "frame = sys._getframe()\n"
        "while frame is not None:\n"
        "    for name, value in list(frame.f_locals.items()):\n"
        "        if 'expected' in name: print('STOLEN', name, value)\n"
        "    frame = frame.f_back"
    ),
    "walks_loaded_modules": "print('STOLEN', [name for name in sys.modules if 'test_' in name or 'solutions' in name]) if any('solutions' in name for name in sys.modules) else None",
    # --- reach out
    "opens_tcp": "import socket; socket.create_connection(('127.0.0.1', @PORT@), 1).send(b'STOLEN')",
    "opens_udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'STOLEN', ('127.0.0.1', @PORT@))",
    "opens_unix_socket": "import socket; s = socket.socket(socket.AF_UNIX); s.bind('sock'); print('STOLEN bound')",
    "opens_abstract_socket": "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0@SOCKET@'); s.send(b'STOLEN')",
    "executes": "os.execv('/bin/sh', ['sh', '-c', 'touch @CANARY@'])",
    "runs_a_subprocess": "import subprocess; subprocess.run(['touch', '@CANARY@'])",
    "spawns": "os.posix_spawn('/usr/bin/touch', ['touch', '@CANARY@'], {})",
    "forks": "os.fork() or open('@CANARY@', 'w')",
    "forks_by_system_call": "ctypes.CDLL(None).syscall(57) or open('@CANARY@', 'w')",
    "signals_its_parent": "os.kill(os.getppid(), 9)",
    "signals_everybody": "os.kill(-1, 9)",
    "signals_its_group": "os.killpg(os.getpgrp(), 9)",
    "traces_its_parent": "assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0; print('STOLEN')",
    "asks_for_signals_by_owner": "import fcntl; fcntl.fcntl(3, 8, os.getppid())",
    # --- write where it must not
    "writes_to_tmp": "open('@CANARY@', 'w').write('x')",
    "writes_to_the_course": "open('@COURSE@/exercises/planted.py', 'w').write('x')",
    "writes_to_the_inbox": "open('@INBOX@/aaa_right/fed_avg.py', 'a').write('# x')",
    "writes_to_its_own_source": "open(__file__, 'a').write('# x')",
    "truncates_the_neighbour": "os.truncate('@INBOX@/aaa_right/fed_avg.py', 0)",
    "removes_the_neighbour": "os.unlink('@INBOX@/aaa_right/fed_avg.py')",
    "changes_modes": "os.chmod('@INBOX@/aaa_right/fed_avg.py', 0)",
    "changes_times": "os.utime('@INBOX@/aaa_right/fed_avg.py', (1, 1))",
    "writes_to_shared_memory": "open('/dev/shm/@NAME@', 'w').write('x')",
    "fills_its_scratch": "[open(str(n), 'wb').write(bytes(1 << 20)) for n in range(200)]",
    "buries_its_scratch": "[(os.mkdir('d'), os.chdir('d')) for _ in range(1500)]; os.mkdir('locked', 0)",
    # --- patch what it thinks it is judged by
    "patches_pytest": "import pytest; pytest.raises = pytest.fail = lambda *a, **k: contextlib.nullcontext()",
    "patches_numpy": "numpy.allclose = numpy.array_equal = lambda *a, **k: True; numpy.testing.assert_allclose = lambda *a, **k: None",
    "patches_builtins": "builtins.isinstance = lambda *a: True",
    "patches_abs_and_sum": "builtins.abs = lambda x: 0; builtins.len = lambda x: 0; builtins.type = lambda *a: list",
    "patches_the_wire": "sys.modules['grader.sandbox.wire'].encode = lambda *a, **k: b'T'",
    "patches_the_host": "sys.modules['grader.sandbox.host'].Host.perform = lambda self, request: True",
    "replaces_every_module": "sys.modules.clear()",
    "registers_at_exit": "import atexit; atexit.register(os.system, 'touch @CANARY@')",
    "traces_calls": "sys.settrace(lambda frame, event, arg: print('STOLEN', arg) if 'expected' in str(frame.f_code.co_varnames) else None)",
    "profiles_calls": "import threading; threading.setprofile(lambda *a: None); sys.setprofile(lambda *a: None)",
    "ends_with_success": "os._exit(0)",
    "raises_system_exit": "raise SystemExit(0)",
    "raises_keyboard_interrupt": "raise KeyboardInterrupt",
    "raises_generator_exit": "raise GeneratorExit",
    # --- the kernel's rarer calls
    "mounts": "assert ctypes.CDLL(None).mount(b'none', b'/', b'tmpfs', 0, 0) == 0; print('STOLEN')",
    "unshares": "assert ctypes.CDLL(None).unshare(0x10000000) == 0; print('STOLEN')",
    "uses_io_uring": "assert ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120)) >= 0; print('STOLEN')",
    "uses_userfaultfd": "assert ctypes.CDLL(None).syscall(323, 0) >= 0; print('STOLEN')",
    "executes_from_memory": "m = os.memfd_create('x'); os.write(m, open('/bin/true', 'rb').read()); os.execv(f'/proc/self/fd/{m}', ['x'])",
    "uses_system_v_memory": "assert ctypes.CDLL(None).shmget(7, 4096, 0o1777) >= 0; print('STOLEN')",
    "reschedules": "os.nice(19); os.sched_setaffinity(0, {0}); print('STOLEN')",
    # --- the call socket
    "forges_an_answer": "forge(1, b'T')",
    "answers_twice": "forge(1, b'N'); forge(1, b'N')",
    "answers_for_the_next_call": "os.write(3, struct.pack('!16sBQ', bytes(16), 1, 1) + b'T')",
    "sends_a_pickle": "forge(1, b\"cos\\nsystem\\n(S'touch @CANARY@'\\ntR.\")",
    "sends_a_terabyte": "os.write(3, struct.pack('!16sBQ', nonce(), 1, 1 << 40))",
    "sends_half_a_message": "os.write(3, b'x' * 7)",
    "closes_the_descriptors": "os.closerange(0, 64)",
    "replaces_the_socket": "os.dup2(os.open('/dev/null', os.O_RDWR), 3)",
    "fills_the_output": "[print('x' * 4096) for _ in range(20_000)]",
    "prints_terminal_codes": "print('\\x1b]0;owned\\x07\\x1b[2J\\x1b[31m::error::x ##[error] ##vso[task.complete]\\r\\u202e')",
    "starts_threads": "import threading, time; [threading.Thread(target=time.sleep, args=(600,), daemon=True).start() for _ in range(20)]",
    "uses_all_memory": "hoard = bytearray(8 << 30)",
}

# What a function may return instead of an answer. Each is an expression.
RESULTS: dict[str, str] = {
    "equals_everything": "type('Yes', (), {'__eq__': lambda s, o: True, '__ne__': lambda s, o: False, '__abs__': lambda s: 0, '__array__': lambda s, *a: numpy.ones(3)})()",
    "a_pickle_bomb": "type('Bomb', (), {'__reduce__': lambda s: (os.system, ('touch @CANARY@',))})()",
    "a_billion_entries": "[0] * 1_000_000_000",
    "half_a_million_entries": "[0] * 500_000",
    "a_deep_nest": "functools.reduce(lambda inner, _: [inner], range(100_000), [])",
    "hostile_length": "type('Long', (list,), {'__len__': lambda s: 1 << 60, '__iter__': lambda s: iter(int, 1)})()",
    "an_array_subclass": "numpy.ones(3).view(type('Sub', (numpy.ndarray,), {'__array_finalize__': lambda s, o: None}))",
    "a_nan_payload": "[numpy.frombuffer(b'\\x01\\x00\\x00\\x00\\x00\\x00\\xf8\\x7f')]",
    "a_tensor_on_meta": "__import__('torch').empty(3, device='meta')",
    "a_generator": "(x for x in iter(int, 1))",
    "a_lying_class": "type('Liar', (), {'__class__': list, '__module__': '\\x1b[31m', '__qualname__': '<b>x</b>'})()",
    "a_lone_surrogate": "['\\udc80' * 10]",
    "an_exception_of_theirs": "raise_(type('Mine', (ValueError, TypeError, KeyError), {'__str__': lambda s: '\\x1b[31m' * 5000})())",
    "an_exception_that_exits": "raise_(type('Out', (SystemExit,), {})())",
}

HEAD = """
import builtins, contextlib, ctypes, functools, os, struct, sys
import numpy, numpy.testing

def steal(path):
    print("STOLEN", open(path, "rb").read(4000))

def raise_(error):
    raise error

def nonce():
    frame = sys._getframe()
    while frame is not None:
        if "nonce" in frame.f_locals and isinstance(frame.f_locals["nonce"], bytes):
            return frame.f_locals["nonce"]
        frame = frame.f_back
    return bytes(16)

def forge(kind, payload):
    os.write(3, struct.pack("!16sBQ", nonce(), kind, len(payload)) + payload)

def attack():
@BODY@

def attempt():
    try:
        attack()
    except Exception as error:
        print("refused:", type(error).__name__)

if @AT_IMPORT@:
    attempt()
"""
TAIL = """
_victim = fed_avg

def fed_avg(*arguments, **keywords):
    attempt()
    return _victim(*arguments, **keywords)
"""
RETURNING = """
def fed_avg(*arguments, **keywords):
    return @RESULT@
"""


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def armed(victim: str, name: str, values: dict[str, str], *, at_import: bool = True) -> str:
    """The module `victim` with the attack in front of it and around its function."""
    body = "\n".join(f"    {line}" for line in ATTACKS[name].splitlines())
    # A module's future imports must come first.
    victim = victim.replace("from __future__ import annotations\n", "")
    head = HEAD.replace("@BODY@", body).replace("@AT_IMPORT@", str(at_import))
    return "from __future__ import annotations\n" + _fill(head, values) + victim + TAIL


def returning(victim: str, name: str, values: dict[str, str]) -> str:
    """The module `victim` whose function returns something hostile."""
    victim = victim.replace("from __future__ import annotations\n", "")
    head = HEAD.replace("@BODY@", "    pass").replace("@AT_IMPORT@", "False")
    return (
        "from __future__ import annotations\n"
        + _fill(head, values)
        + victim
        + _fill(RETURNING.replace("@RESULT@", RESULTS[name]), values)
    )
