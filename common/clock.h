/* The two clocks. Deadlines are monotonic; only what people read, tokens carry or is kept is wall
 * time. */
#ifndef PERCH_CLOCK_H
#define PERCH_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds; comparable between the processes of one host. */
int64_t clock_mono_ms(void);

/* Seconds and milliseconds since 1970 (CLOCK_REALTIME). */
int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);

#endif
