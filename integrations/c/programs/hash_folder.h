/* What the programs named hash_... do: they hash the files of a folder, tell how far they are, and
 * stop when they are asked to. Each shows it on another loop; this is the part that knows of none. */
#ifndef HASH_FOLDER_H
#define HASH_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offloop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to hash, and how fast. */
struct hash_options {
    /* All files below it count, links apart. */
    char folder[4096];
    /* How long to wait after each file, so that there is something to watch. */
    unsigned pause_ms;
};

/* What came of it. */
struct hash_summary {
    uint64_t files;
    uint64_t bytes;
    /* Of all their names and contents: FNV-1a, 64 bits. */
    uint64_t digest;
    /* What could not be read; empty if all could. */
    char error[4400];
};

/* `[FOLDER [PAUSE_MS]]` of the command line; `examples` and no pause where it says nothing. */
struct hash_options hash_options_from_args(int argc, char **argv);

/* A copy for `free`. */
struct hash_options *hash_options_copy(const struct hash_options *options);

/* Reads and hashes one file after the other, on the thread that calls it: an offloop_function that
 * takes a hash_options and gives a hash_summary for `free`. */
void *hash_folder(void *options, offloop_ticket ticket);

/* "12 files, 345 bytes, 6789abcdef", or the error. */
void hash_summary_print(const struct hash_summary *summary, char *line, size_t size);

#ifdef __cplusplus
}
#endif

#endif
