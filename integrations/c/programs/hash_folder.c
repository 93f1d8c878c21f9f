/* See hash_folder.h. Invariant: the same files give the same digest, in whatever order the system
 * lists them. */
#include "hash_folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct files {
    char **paths;
    size_t count, room;
};

static uint64_t fnv1a(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t at = 0; at < size; at++)
        hash = (hash ^ byte[at]) * UINT64_C(0x100000001b3);
    return hash;
}

static const uint64_t FNV_START = UINT64_C(0xcbf29ce484222325);

struct hash_options hash_options_from_args(int argc, char **argv)
{
    struct hash_options options = { "examples", 0 };
    if (argc > 1)
        snprintf(options.folder, sizeof options.folder, "%s", argv[1]);
    if (argc > 2) {
        char *end;
        options.pause_ms = (unsigned)strtoul(argv[2], &end, 10);
        if (end == argv[2] || *end) {
            fprintf(stderr, "%s: the pause is a number of milliseconds\n", argv[2]);
            exit(2);
        }
    }
    return options;
}

struct hash_options *hash_options_copy(const struct hash_options *options)
{
    struct hash_options *copy = malloc(sizeof *copy);
    if (!copy)
        abort();
    *copy = *options;
    return copy;
}

static void fail(struct hash_summary *summary, const char *path)
{
    snprintf(summary->error, sizeof summary->error, "%s: %s", path, strerror(errno));
}

static void push(struct files *files, char *path)
{
    if (files->count == files->room) {
        files->room = files->room ? files->room * 2 : 64;
        files->paths = realloc(files->paths, files->room * sizeof *files->paths);
        if (!files->paths)
            abort();
    }
    files->paths[files->count++] = path;
}

/* All files below a folder. */
static bool walk(const char *folder, struct files *files, struct hash_summary *summary)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        fail(summary, folder);
        return false;
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        size_t size = strlen(folder) + strlen(entry->d_name) + 2;
        char *path = malloc(size);
        if (!path)
            abort();
        snprintf(path, size, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_REG) {
            push(files, path);
            continue;
        }
        if (entry->d_type == DT_DIR)
            good = walk(path, files, summary);
        free(path);
    }
    closedir(dir);
    return good;
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static bool hash_file(const char *path, uint64_t *digest, struct hash_summary *summary)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail(summary, path);
        return false;
    }
    unsigned char buffer[65536];
    size_t size;
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0) {
        *digest = fnv1a(*digest, buffer, size);
        summary->bytes += size;
    }
    bool good = !ferror(file);
    if (!good)
        fail(summary, path);
    fclose(file);
    return good;
}

void *hash_folder(void *data, offloop_ticket ticket)
{
    const struct hash_options *options = data;
    struct hash_summary *summary = calloc(1, sizeof *summary);
    if (!summary)
        abort();
    struct files files = { 0 };
    summary->digest = FNV_START;
    bool good = walk(options->folder, &files, summary);
    qsort(files.paths, files.count, sizeof *files.paths, by_name);
    for (; good && summary->files < files.count; summary->files++) {
        const char *path = files.paths[summary->files];
        offloop_progress(ticket, summary->files, files.count);
        if (offloop_is_cancelled(ticket))
            break; /* nobody looks at what comes of it */
        const char *name = path + strlen(options->folder) + 1;
        summary->digest = fnv1a(summary->digest, name, strlen(name));
        good = hash_file(path, &summary->digest, summary);
        usleep(options->pause_ms * 1000);
    }
    offloop_progress(ticket, files.count, files.count);
    while (files.count > 0)
        free(files.paths[--files.count]);
    free(files.paths);
    return summary;
}

void hash_summary_print(const struct hash_summary *summary, char *line, size_t size)
{
    if (summary->error[0])
        snprintf(line, size, "%s", summary->error);
    else
        snprintf(line, size, "%" PRIu64 " files, %" PRIu64 " bytes, %016" PRIx64, summary->files,
                 summary->bytes, summary->digest);
}
