/* Password hashing: argon2id through libsodium's crypto_pwhash_str (RFC 9106). Slow on purpose:
 * auth workers only. */
#ifndef PERCH_PASSWORD_H
#define PERCH_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PASSWORD_HASH_MAX = 128 }; /* crypto_pwhash_STRBYTES */

struct password_cost {
    uint64_t passes;     /* argon2 t */
    size_t memory_bytes; /* argon2 m */
};

/* ERR_INTERNAL only when memory for the hash is missing. */
int password_hash(const struct password_cost *cost, const char *password, size_t length,
                  char ret_hash[PASSWORD_HASH_MAX]) __attribute__((warn_unused_result));

/* Does the password belong to this hash? With hash NULL (no such account) the answer is no, after
 * the same work at `cost`, so that time tells nothing. */
bool password_verify(const struct password_cost *cost, const char *hash, const char *password,
                     size_t length);

#endif
