/* An account's Telegram chat: from the code that begins the linking to the end of it. */
#ifndef PERCH_STORE_TELEGRAM_H
#define PERCH_STORE_TELEGRAM_H

#include "store.h"

/* A code as the store keeps it: its SHA-256, as the text of a bytea. */
enum { STORE_TELEGRAM_HASH_MAX = 67 };

/* Hashes a code as it is written, for both ends of the linking. */
void store_telegram_hash(const char *code, char ret_hash[STORE_TELEGRAM_HASH_MAX]);

struct store_telegram_code {
    const char *bot;        /* whom to give it to: a user name without "@" */
    const char *expires_at; /* RFC 3339 */
};

/* Who is at the other end: NULL as a name where nobody is, as a user name (without "@") where they
 * have none. */
struct store_telegram_chat {
    const char *name;
    const char *username;
};

struct store_telegram {
    bool linked;
    bool blocked; /* linked, but the chat takes nothing from the bot */
    struct store_telegram_chat chat;
    int64_t pending_id; /* of the chat that asks to be linked; 0: none does */
    struct store_telegram_chat pending;
    const char *bot;   /* as above; NULL: there is none */
    const char *claim; /* the Telegram name that the account's owner gave; nobody has proved it */
};

/* Keeps the one code that can link this account now, in place of the one before. ERR_TELEGRAM_OFF:
 * there is no bot. ERR_UNAUTHORIZED, here and below: the account is gone. */
int store_telegram_code_set(struct pg *pg, struct arena *arena, int64_t user_id, const char *hash,
                            struct store_telegram_code *ret_code)
    __attribute__((warn_unused_result));

int store_telegram_get(struct pg *pg, struct arena *arena, int64_t user_id,
                       struct store_telegram *ret_telegram) __attribute__((warn_unused_result));

/* Links this chat, in place of the account's before, and this account in place of the chat's.
 * ERR_NOT_FOUND: it does not ask, or no longer. */
int store_telegram_confirm(struct pg *pg, struct arena *arena, int64_t user_id, int64_t chat_id,
                           struct store_change *ret_change) __attribute__((warn_unused_result));

/* Sends away whoever asks, if anybody does. */
int store_telegram_refuse(struct pg *pg, struct arena *arena, int64_t user_id,
                          struct store_change *ret_change) __attribute__((warn_unused_result));

/* Ends the link, if there is one. */
int store_telegram_unlink(struct pg *pg, struct arena *arena, int64_t user_id,
                          struct store_change *ret_change) __attribute__((warn_unused_result));

/* Puts an update that came with the secret of this hash into the notifier's inbox, unless it is
 * there; NULL only asks about the secret. ERR_NOT_FOUND: there is no webhook; ERR_UNAUTHORIZED:
 * another secret. */
int store_telegram_webhook(struct pg *pg, const char *hash, int64_t update_id, const char *update)
    __attribute__((warn_unused_result));

#endif
