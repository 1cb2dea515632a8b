import os, select, sys, threading

def work(x):
    doubled = 2 * x
    return doubled

def turn(pause):
    x, before = 1, None
    while True:
        x = work(x) % 1000
        threads = len(os.listdir("/proc/self/task"))
        if threads != before:
            print("threads: %d" % threads); sys.stdout.flush()
            before = threads
        if pause:
            select.select([], [], [], pause)

if __name__ == "__main__" and sys.argv[1] == "thread":
    threading.Thread(target=turn, args=(0.02,), name="worker").start()
    sys.stdin.read()
elif __name__ == "__main__":
    turn(0.02 if sys.argv[1] == "waits" else 0)
