/* keccak.c - the permutation of FIPS 202 section 3 on 25 lanes of 64 bits, lane (x, y) at
 * 5y + x, little-endian; rate 136 bytes, padding 0x01 ... 0x80. */
#include "proof/keccak.h"
#include <string.h>

enum { RATE = 136, LANES = 25, ROUNDS = 24 };

static u64 turn(u64 v, int n) { return n == 0 ? v : v << n | v >> (64 - n); }

static void theta(u64 a[LANES])
{
    u64 c[5];

    for (int x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int i = 0; i < LANES; i++)
        a[i] ^= c[(i % 5 + 4) % 5] ^ turn(c[(i % 5 + 1) % 5], 1);
}

/* Each lane is turned and goes to the next place of one long walk. */
static void rho_pi(u64 a[LANES])
{
    static const u8 turns[ROUNDS] = { 1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                      27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44 };
    static const u8 to[ROUNDS] = { 10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                   15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1 };
    u64 carried = a[1];

    for (int i = 0; i < ROUNDS; i++) {
        u64 next = a[to[i]];
        a[to[i]] = turn(carried, turns[i]);
        carried = next;
    }
}

static void chi(u64 a[LANES])
{
    for (int y = 0; y < LANES; y += 5) {
        u64 row[5];
        memcpy(row, a + y, sizeof row);
        for (int x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

static void permute(u64 a[LANES])
{
    static const u64 iota[ROUNDS] = {
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
        0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008 };

    for (int r = 0; r < ROUNDS; r++) {
        theta(a);
        rho_pi(a);
        chi(a);
        a[0] ^= iota[r];
    }
}

static void absorb(u64 a[LANES], const u8 *block)
{
    for (int i = 0; i < RATE; i++)
        a[i / 8] ^= (u64)block[i] << (i % 8 * 8);
    permute(a);
}

Digest keccak256(Str s)
{
    u64 a[LANES] = { 0 };
    u8 last[RATE] = { 0 };
    Digest d;

    for (; s.len >= RATE; s = str_sub(s, RATE, s.len))
        absorb(a, (const u8 *)s.at);
    if (s.len > 0)
        memcpy(last, s.at, (size_t)s.len);
    last[s.len] = 0x01;
    last[RATE - 1] |= 0x80;
    absorb(a, last);
    for (int i = 0; i < SHA256_BYTES; i++)
        d.b[i] = (u8)(a[i / 8] >> (i % 8 * 8));
    return d;
}
