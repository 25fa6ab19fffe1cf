"""Count prime numbers for a few seconds: the shortest job, with nothing but the standard library."""

from __future__ import annotations

import argparse
import json
import time

SIEVE_SIZE = 100_000


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def primes_between(low: int, high: int, known: list[int]) -> list[int]:
    """Sieve of Eratosthenes over [low, high); `known` has every prime whose square is below `high`."""
    prime = bytearray([1]) * (high - low)
    for p in known:
        first = max(p * p, -(-low // p) * p)
        prime[first - low :: p] = bytes(len(range(first, high, p)))
    return [low + n for n, flag in enumerate(prime) if flag]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count prime numbers until the time is over.")
    parser.add_argument("--seconds", type=float, default=3.0)
    end = time.monotonic() + parser.parse_args().seconds
    known = [p for p in range(2, 318) if all(p % d for d in range(2, p))]  # 317 squared is above the first sieve
    low, found, largest = 2, 0, 0
    while time.monotonic() < end or low == 2:
        high = low + SIEVE_SIZE
        while known[-1] ** 2 < high:
            known += primes_between(known[-1] + 1, 2 * known[-1], known)
        block = primes_between(low, high, known)
        low, found, largest = high, found + len(block), block[-1]
        if low % (10 * SIEVE_SIZE) == 2:
            say(up_to=low, primes=found)
    say(done=True, up_to=low, primes=found, largest=largest)


if __name__ == "__main__":
    main()
