/* perch-fcgi -t, --check-start and --check-sql. */
#ifndef PERCH_CHECK_H
#define PERCH_CHECK_H

#include "common/conf.h"

enum check {
    CHECK_SQL,   /* PostgreSQL answers and prepares every statement */
    CHECK_ALL,   /* also Redis, the key file, the user, the group and the sockets' folders */
    CHECK_START, /* nothing is wrong that would keep a program from going on with the sockets of
                    another one; PostgreSQL may be away, but if it answers the schema must fit */
};

/* Prints a line for each thing, or, for CHECK_START, logs what is wrong; 0 when all is well,
 * else 1. */
int check_main(const struct conf *conf, enum check check);

#endif
