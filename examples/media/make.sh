#!/usr/bin/env bash
#
# Remakes every MP3 and cover in this folder from nothing: the tunes are
# synthesised and the pictures are painted below, so there is no third-party
# material in any of them (CC0-1.0).
#
#   bash make.sh            remake the files next to this script
#   bash make.sh OUT_DIR    make them somewhere else
#
# Needs these Debian packages:
#   ffmpeg                  (with libmp3lame; also brings ffprobe)
#   lame                    (the command-line encoder)
#   libimage-exiftool-perl  (exiftool, for the EXIF block in cover.jpg)
#   python3                 (standard library only)
#
#   apt-get install ffmpeg lame libimage-exiftool-perl python3
#
# No clock, network or unseeded randomness is involved: the same tool versions
# on the same kind of processor give the same bytes. Others may give other
# bytes, but nothing is replaced unless the checks at the end pass.

set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC

out=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
mkdir -p "$out"

for tool in ffmpeg ffprobe lame exiftool python3; do
    command -v "$tool" >/dev/null || { echo "make.sh: $tool is missing" >&2; exit 1; }
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/done"

# ---------------------------------------------------------------- the tunes

cat >"$tmp/tunes.py" <<'PY'
"""Five short tunes as 16-bit WAV, each at its own sample rate."""
import array, math, random, sys, wave

TAU = 2 * math.pi


def hz(note):
    return 440.0 * 2 ** ((note - 69) / 12)


class Tune:
    def __init__(self, rate, channels, seconds, bpm):
        self.rate, self.channels = rate, channels
        self.beat = 60 / bpm
        self.n = round(rate * seconds)
        self.dry = [[0.0] * self.n for _ in range(2)]

    def mix(self, at, samples, gain, pan):
        """Add samples at a beat; pan runs from -1 (left) to 1 (right)."""
        start = round(at * self.beat * self.rate)
        angle = (pan + 1) * math.pi / 4
        for side, g in ((0, gain * math.cos(angle)), (1, gain * math.sin(angle))):
            buf = self.dry[side]
            for i, s in enumerate(samples[: max(0, self.n - start)], start):
                buf[i] += g * s

    def additive(self, note, seconds, partials, attack, decay, release=0.08):
        """Sum of (ratio, level, extra decay) sines under one envelope."""
        count = round(seconds * self.rate)
        samples = [0.0] * count
        for ratio, level, extra in partials:
            step = TAU * hz(note) * ratio / self.rate
            if step > 0.9 * math.pi:
                continue
            fade = math.exp(-(decay + extra) / self.rate)
            amp = level
            for i in range(count):
                samples[i] += amp * math.sin(step * i)
                amp *= fade
        rise, fall = max(1, round(attack * self.rate)), max(1, round(release * self.rate))
        for i in range(min(rise, count)):
            samples[i] *= 0.5 - 0.5 * math.cos(math.pi * i / rise)
        for i in range(min(fall, count)):
            samples[count - 1 - i] *= i / fall
        return samples

    # instruments

    def bell(self, at, beats, note, gain, pan=0.0):
        parts = [(1, 1, 0), (2.0, 0.35, 2), (3.01, 0.22, 5), (5.4, 0.10, 12)]
        self.mix(at, self.additive(note, beats * self.beat + 0.9, parts, 0.003, 3.2), gain, pan)

    def keys(self, at, beats, note, gain, pan=0.0):
        parts = [(1, 1, 0), (2, 0.30, 1.5), (3, 0.12, 3), (4, 0.10, 6), (7, 0.05, 18)]
        self.mix(at, self.additive(note, beats * self.beat + 0.3, parts, 0.006, 1.8, 0.25), gain, pan)

    def pad(self, at, beats, notes, gain):
        for k, note in enumerate(notes):
            pan = 0.7 * (2 * k / max(1, len(notes) - 1) - 1)
            parts = [(0.9985, 0.6, 0), (1.0015, 0.6, 0), (2.001, 0.16, 0), (3, 0.07, 0)]
            self.mix(at, self.additive(note, beats * self.beat + 0.35, parts, 0.22, 0.2, 0.4), gain, pan)

    def bass(self, at, beats, note, gain):
        parts = [(1, 1, 0), (2, 0.35, 2), (3, 0.12, 4)]
        self.mix(at, self.additive(note, beats * self.beat, parts, 0.012, 1.2, 0.1), gain, 0.0)

    def reed(self, at, beats, note, gain, pan=0.0):
        parts = [(k, 0.8 / k, 0) for k in (1, 3, 5, 7, 9, 11)]
        self.mix(at, self.additive(note, beats * self.beat, parts, 0.006, 2.4, 0.05), gain, pan)

    def pluck(self, at, beats, note, gain, pan=0.0):
        """Karplus-Strong string, tuned with a fractional read."""
        count = round((beats * self.beat + 0.8) * self.rate)
        period = self.rate / hz(note) - 0.5
        size = int(period)
        frac = period - size
        noise = random.Random(note * 1009 + round(at * 96))
        line = [noise.random() * 2 - 1 for _ in range(size + 1)]
        for _ in range(3):  # a soft fingertip rather than a nail
            line = [0.5 * (line[i] + line[i - 1]) for i in range(size + 1)]
        mean = sum(line) / len(line)
        samples = [x - mean for x in line]
        loss = 0.5 ** (1 / (0.9 * hz(note)))
        for i in range(size + 1, count):
            a = samples[i - size] * (1 - frac) + samples[i - size - 1] * frac
            b = samples[i - size - 1] * (1 - frac) + (samples[i - size - 2] if i > size + 1 else 0.0) * frac
            samples.append(loss * 0.5 * (a + b))
        fall = round(0.1 * self.rate)
        for i in range(min(fall, count)):
            samples[count - 1 - i] *= i / fall
        self.mix(at, samples, gain * 1.8, pan)

    # output

    def room(self, wet):
        """Small Schroeder reverb, slightly different on each side."""
        for side in (0, 1):
            dry = self.dry[side]
            total = [0.0] * self.n
            for ms in (29.7, 37.1, 41.1, 43.7):
                d = round((ms + 0.6 * side) * self.rate / 1000)
                line, low = [0.0] * self.n, 0.0
                for i in range(self.n):
                    back = line[i - d] if i >= d else 0.0
                    low += 0.55 * (back - low)
                    line[i] = dry[i] + 0.76 * low
                    total[i] += 0.25 * back
            for ms in (5.0, 1.7):
                d = round(ms * self.rate / 1000)
                line = [0.0] * self.n
                for i in range(self.n):
                    back = line[i - d] if i >= d else 0.0
                    line[i] = total[i] + 0.6 * back
                    total[i] = back - 0.6 * line[i]
            self.dry[side] = [a + wet * b for a, b in zip(dry, total)]

    def save(self, path, tail=0.5):
        self.room(0.38)
        sides = self.dry
        if self.channels == 1:
            sides = [[0.5 * (a + b) for a, b in zip(*sides)]]
        peak = max(max(map(abs, s)) for s in sides)
        fall = round(tail * self.rate)
        pcm = array.array("h")
        for i in range(self.n):
            fade = min(1.0, (self.n - 1 - i) / fall)
            for s in sides:
                pcm.append(round(s[i] / peak * 0.78 * fade * 32767))
        if sys.byteorder == "big":
            pcm.byteswap()
        with wave.open(path, "wb") as w:
            w.setnchannels(self.channels)
            w.setsampwidth(2)
            w.setframerate(self.rate)
            w.writeframes(pcm.tobytes())


def paper_lanterns(path):
    """D major, plucked arpeggios under a bell melody."""
    t = Tune(44100, 2, 6.0, 104)
    chords = [(50, 57, 62, 66), (47, 54, 62, 66), (43, 55, 59, 62), (45, 52, 61, 64)]
    for k, (root, *rest) in enumerate(chords):
        t.bass(2 * k, 1.9, root, 0.40)
        t.pad(2 * k, 2, rest, 0.10)
        for j, n in enumerate((rest[0], rest[1], rest[2], rest[1])):
            t.pluck(2 * k + j / 2, 0.5, n + 12, 0.42, -0.55 if j % 2 else -0.2)
    line = [(0, 1, 78), (1, .5, 81), (1.5, .5, 83), (2, 1.5, 81), (3.5, .5, 78), (4, .5, 79),
            (4.5, .5, 78), (5, 1, 74), (6, .5, 76), (6.5, .5, 78), (7, 1, 73), (8, 2, 74)]
    for at, beats, n in line:
        t.bell(at, beats, n, 0.34, 0.4)
    t.bass(8, 2, 38, 0.40)
    for j, n in enumerate((62, 66, 69, 74)):
        t.pluck(8 + j * 0.12, 2, n, 0.4, -0.6 + 0.4 * j)
    t.save(path)


def slow_tide(path):
    """A minor, starts almost silent and swells, so the bit rate has to move."""
    t = Tune(44100, 2, 5.5, 88)
    chords = [(45, 60, 64, 69), (41, 60, 65, 69), (48, 60, 64, 67), (43, 59, 62, 67)]
    at = 0.25
    for k, (root, *rest) in enumerate(chords):
        g = (0.25, 0.5, 0.8, 1.0)[k]
        t.pad(at, 1.75, rest, 0.22 * g)
        t.bass(at, 1.7, root, 0.30 * g)
        for j, n in enumerate((rest[0], rest[2], rest[1] + 12, rest[2], rest[0] + 12, rest[2], rest[1] + 12)):
            t.keys(at + j / 4, 0.5, n, 0.36 * g, math.sin(1.1 * (k * 7 + j)) * 0.7)
        at += 1.75
    for j, n in enumerate((57, 64, 69, 72, 76)):
        t.keys(at + j * 0.06, 1.5, n, 0.26, -0.8 + 0.4 * j)
    t.save(path, 0.7)


def tin_robot_waltz(path):
    """G major waltz for hollow reeds, with an oom-pah-pah."""
    t = Tune(22050, 1, 5.0, 186)
    for bar, (root, a, b) in enumerate([(43, 59, 62), (40, 59, 64), (45, 60, 64), (38, 60, 66)]):
        t.bass(3 * bar, 0.95, root, 0.38)
        for k in (1, 2):
            for n in (a, b):
                t.reed(3 * bar + k, 0.45, n, 0.16)
    line = [(0, 1, 74), (1, .5, 71), (1.5, .5, 74), (2, 1, 79), (3, 2, 76), (5, .5, 74), (5.5, .5, 76),
            (6, 1, 72), (7, .5, 69), (7.5, .5, 72), (8, 1, 76), (9, 1, 74), (10, 1, 72), (11, 1, 69), (12, 2.4, 71)]
    for at, beats, n in line:
        t.reed(at, beats * 0.92, n, 0.44)
    t.bass(12, 2.4, 43, 0.38)
    t.reed(12, 2.2, 67, 0.18)
    t.reed(12, 2.2, 62, 0.16)
    t.save(path)


def night_light(path):
    """F major music box in six-eight."""
    t = Tune(44100, 1, 4.0, 210)
    line = [(0, 84), (1, 81), (2, 77), (3, 79), (4, 81), (5, 82), (6, 81), (7, 77), (8, 74), (9, 76), (10, 72)]
    for at, n in line:
        t.bell(at, 1, n, 0.4)
    for at, notes in ((0, (53, 60, 65)), (3, (55, 62, 70)), (6, (50, 57, 65)), (9, (48, 55, 64))):
        for k, n in enumerate(notes):
            t.bell(at + k, 1, n + 12, 0.22)
    for k, n in enumerate((65, 72, 77, 89)):
        t.bell(11 + k * 0.1, 2, n, 0.3)
    t.save(path, 0.6)


def song_of_daybreak(path):
    """Plucked strings on D E-flat G A B-flat, over slow fifths."""
    t = Tune(48000, 1, 7.0, 92)
    line = [(0, 62), (.5, 69), (1, 74), (1.5, 75), (2, 74), (2.5, 70), (3, 69), (4, 67), (4.5, 69), (5, 70),
            (5.25, 69), (5.5, 67), (6, 63), (7, 62), (7.5, 67), (8, 69), (8.5, 74)]
    for at, n in line:
        t.pluck(at, 1, n, 0.5)
    for at, notes in ((0, (50, 57, 62)), (4, (43, 55, 62)), (6, (51, 58, 67)), (8, (50, 57, 69))):
        t.pad(at, 2 if at else 4, notes, 0.16)
        t.bass(at, 1.9, notes[0] - 12, 0.3)
    for at, n in ((3.5, 81), (6.5, 79), (8.75, 86)):
        t.bell(at, 1, n, 0.12)
    t.save(path, 0.8)


where = sys.argv[1]
paper_lanterns(where + "/lanterns.wav")
slow_tide(where + "/tide.wav")
tin_robot_waltz(where + "/waltz.wav")
night_light(where + "/nightlight.wav")
song_of_daybreak(where + "/daybreak.wav")
PY

# --------------------------------------------------------------- the covers

cat >"$tmp/covers.py" <<'PY'
"""cover.rgb: 600x600 raw RGB, dusk over hills. cover.png: 640x400 RGBA."""
import math, struct, sys, zlib


def lerp(a, b, k):
    return tuple(x + (y - x) * k for x, y in zip(a, b))


def ramp(stops, k):
    for (p, a), (q, b) in zip(stops, stops[1:]):
        if k <= q:
            return lerp(a, b, max(0.0, (k - p) / (q - p)))
    return stops[-1][1]


def edge(d):
    """0..1 coverage for a signed distance in pixels."""
    return min(1.0, max(0.0, 0.5 - d))


def dusk(size):
    sky = [(0.0, (33, 26, 82)), (0.35, (112, 52, 128)), (0.6, (232, 108, 110)), (0.8, (255, 190, 120))]
    hills = [(0.66, 26, 1.7, 0.4, (190, 84, 118)), (0.74, 34, 1.2, 2.1, (126, 58, 118)),
             (0.83, 28, 1.9, 4.0, (72, 40, 100)), (0.92, 22, 1.4, 5.3, (34, 24, 66))]
    ridges = [[size * base + amp * math.sin(math.tau * waves * x / size + phase)
               + amp * 0.35 * math.sin(math.tau * waves * 2.3 * x / size + phase * 1.7)
               for x in range(size)] for base, amp, waves, phase, _ in hills]
    out = bytearray()
    sx, sy, r = size * 0.62, size * 0.47, size * 0.15
    for y in range(size):
        base = ramp(sky, y / size)
        for x in range(size):
            d = math.hypot(x - sx, y - sy)
            c = lerp(base, (255, 214, 150), 0.55 * math.exp(-max(0.0, d - r) / (size * 0.16)))
            c = lerp(c, (255, 240, 205), edge(d - r))
            for (_, _, _, _, tint), ridge in zip(hills, ridges):
                k = edge(ridge[x] - y)
                if k:
                    depth = min(1.0, max(0.0, y - ridge[x]) / (size * 0.2))
                    c = lerp(c, lerp(tint, tuple(v * 0.7 for v in tint), depth), k)
            out += bytes(round(v) for v in c)
    return bytes(out)


def bars(w, h):
    """A rounded card with see-through corners, a glassy disc, level bars."""
    px = []
    radius, cx, cy = 48, w * 0.5, h * 0.5
    levels = [0.30, 0.52, 0.78, 0.44, 0.92, 0.64, 0.84, 0.40, 0.58, 0.26]
    for y in range(h):
        row = []
        for x in range(w):
            qx, qy = abs(x + 0.5 - cx) - (cx - radius - 8), abs(y + 0.5 - cy) - (cy - radius - 8)
            d = math.hypot(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - radius
            k = (x / w + y / h) / 2
            c = ramp([(0, (16, 94, 120)), (0.5, (38, 150, 142)), (1, (168, 214, 132))], k)
            alpha = edge(d) * (1 - 0.45 * y / h)
            ring = abs(math.hypot(x - w * 0.5, y - h * 0.5) - h * 0.36) - 10
            c = lerp(c, (255, 255, 255), 0.25 * edge(ring))
            slot = (x - w * 0.2) / (w * 0.6) * len(levels)
            if 0 <= slot < len(levels):
                half = h * 0.3 * levels[int(slot)]
                bx = abs(slot % 1 - 0.5) * w * 0.6 / len(levels)
                by = max(0.0, abs(y + 0.5 - cy) - half)
                bar = edge(math.hypot(bx, by) - 10)
                c = lerp(c, (250, 246, 228), bar)
                alpha = max(alpha, bar)
            row.append(tuple(round(v) for v in c) + (round(255 * alpha),) if alpha else (0, 0, 0, 0))
        px.append(row)
    return px


def png(px):
    h, w = len(px), len(px[0])
    raw, above = bytearray(), bytes(4 * w)
    for row in px:
        line = bytes(v for p in row for v in p)
        left = bytes(4) + line[:-4]
        tries = [(1, bytes((a - b) & 255 for a, b in zip(line, left))),
                 (2, bytes((a - b) & 255 for a, b in zip(line, above)))]
        kind, best = min(tries, key=lambda t: sum(min(v, 256 - v) for v in t[1]))
        raw += bytes([kind]) + best
        above = line

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", w, h, 8, 6, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(raw), 9)) + chunk(b"IEND", b""))


open(sys.argv[1] + "/cover.rgb", "wb").write(dusk(600))
open(sys.argv[1] + "/done/cover.png", "wb").write(png(bars(640, 400)))
PY

# ------------------------------------------------------------------- making

exact=(-fflags +bitexact -flags:v +bitexact -flags:a +bitexact)
ff() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

echo "painting covers"
python3 "$tmp/covers.py" "$tmp"
ff -f rawvideo -pixel_format rgb24 -video_size 600x600 -i "$tmp/cover.rgb" \
    -frames:v 1 -sws_flags bicubic+accurate_rnd+full_chroma_int+bitexact \
    -pix_fmt yuvj420p -c:v mjpeg -q:v 2 -huffman optimal "${exact[@]}" \
    -f mjpeg "$tmp/done/cover.jpg"

# An invented camera at a well-known landmark. The description is a canary: a
# plain byte search for it shows whether EXIF survived.
exiftool -q -overwrite_original \
    -EXIF:Make='Moodify' -EXIF:Model='Pretend Camera 1' \
    -EXIF:Artist='Moodify examples' -EXIF:Copyright='CC0-1.0' \
    -EXIF:ImageDescription='moodify-exif-canary' \
    -EXIF:DateTimeOriginal='2025:01:02 03:04:05' \
    -EXIF:Orientation#=1 -EXIF:ColorSpace#=1 \
    -EXIF:GPSLatitude=48.8584 -EXIF:GPSLatitudeRef=N \
    -EXIF:GPSLongitude=2.2945 -EXIF:GPSLongitudeRef=E \
    -EXIF:GPSAltitude=35 -EXIF:GPSAltitudeRef#=0 \
    "$tmp/done/cover.jpg"

echo "synthesising tunes"
python3 "$tmp/tunes.py" "$tmp"

echo "encoding"
ff -i "$tmp/lanterns.wav" -map_metadata -1 "${exact[@]}" \
    -c:a libmp3lame -b:a 128k -id3v2_version 3 -write_id3v1 0 \
    -metadata title='Paper Lanterns' -metadata artist='The Moodify House Band' \
    -metadata album='Small Hours' -metadata genre='Folk' \
    -metadata track='1/2' -metadata date='2025' \
    "$tmp/done/cbr-stereo-id3v23.mp3"

ff -i "$tmp/tide.wav" -i "$tmp/done/cover.jpg" -map 0:a -map 1:v -map_metadata -1 "${exact[@]}" \
    -c:a libmp3lame -q:a 5 -c:v copy -disposition:v attached_pic \
    -id3v2_version 4 -write_id3v1 0 -write_xing 1 \
    -metadata title='Slow Tide' -metadata artist='The Moodify House Band' \
    -metadata album='Small Hours' -metadata genre='Ambient' \
    -metadata track='2/2' -metadata date='2025' \
    -metadata:s:v title='Cover' -metadata:s:v comment='Cover (front)' \
    "$tmp/done/vbr-stereo-id3v24-cover.mp3"

lame --quiet --noreplaygain --cbr -b 56 -m m --resample 22.05 --id3v1-only \
    --tt 'Tin Robot Waltz' --ta 'Clockwork Trio' --tl 'Parlour Machines' \
    --ty 2025 --tn 3 --tg 'Game' \
    "$tmp/waltz.wav" "$tmp/done/cbr-mono-id3v1.mp3"

# -t: no Xing/Info/LAME header either, so this one is bare audio frames.
lame --quiet --noreplaygain -t --cbr -b 64 -m m --resample 44.1 \
    "$tmp/nightlight.wav" "$tmp/done/cbr-mono-untagged.mp3"

ff -i "$tmp/daybreak.wav" -map_metadata -1 "${exact[@]}" \
    -c:a libmp3lame -q:a 4 -id3v2_version 4 -write_id3v1 0 -write_xing 1 \
    -metadata title='Café à l’aube – 夜明けの歌' -metadata artist='Éloïse と 星の楽団' \
    -metadata album='Été 夏' -metadata genre='World' \
    "$tmp/done/vbr-mono-unicode.mp3"

# ----------------------------------------------------------------- checking

cat >"$tmp/check.py" <<'PY'
"""Reads the bytes themselves and insists on what the README claims."""
import json, os, struct, subprocess, sys

where = sys.argv[1]
RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
KBPS1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBPS2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def parse(data):
    """Tags, then every Layer III frame up to the exact end of the audio."""
    at, end, v2, v1, frames2 = 0, len(data), None, False, {}
    if data[:3] == b"ID3":
        v2 = data[3]
        size = 0
        for b in data[6:10]:
            size = size << 7 | b
        at, p = 10 + size, 10
        while p < at and data[p]:
            name = data[p:p + 4].decode()
            raw = data[p + 4:p + 8]
            n = struct.unpack(">I", raw)[0] if v2 == 3 else sum(b << 7 * (3 - i) for i, b in enumerate(raw))
            frames2[name] = data[p + 10:p + 10 + n]
            p += 10 + n
    if data[-128:-125] == b"TAG":
        v1, end = True, end - 128
    head, frames, kbps, rate, mono = None, 0, set(), 0, False
    while at < end:
        w = struct.unpack(">I", data[at:at + 4])[0]
        assert w >> 21 == 0x7FF and w >> 17 & 3 == 1, f"lost sync at {at}"
        version, rate = w >> 19 & 3, RATES[w >> 19 & 3][w >> 10 & 3]
        bits = (KBPS1 if version == 3 else KBPS2)[w >> 12 & 15]
        mono = w >> 6 & 3 == 3
        side = ((17 if mono else 32) if version == 3 else (9 if mono else 17))
        mark = data[at + 4 + side:at + 8 + side]
        if frames == 0 and head is None and mark in (b"Xing", b"Info"):
            head = mark.decode()
        else:
            frames += 1
            kbps.add(bits)
        at += (144 if version == 3 else 72) * bits * 1000 // rate + (w >> 9 & 1)
    assert at == end, f"audio ends at {at}, not {end}"
    spf = 1152 if version == 3 else 576
    return dict(v2=v2, v1=v1, tags=frames2, head=head, frames=frames, spf=spf,
                kbps=kbps, rate=rate, channels=1 if mono else 2)


def probe(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path],
                         check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


WANT = {
    "cbr-stereo-id3v23.mp3": (44100, 2, 3, False, "Info", False, "Paper Lanterns"),
    "vbr-stereo-id3v24-cover.mp3": (44100, 2, 4, False, "Xing", True, "Slow Tide"),
    "cbr-mono-id3v1.mp3": (22050, 1, None, True, "Info", False, "Tin Robot Waltz"),
    "cbr-mono-untagged.mp3": (44100, 1, None, False, None, False, None),
    "vbr-mono-unicode.mp3": (48000, 1, 4, False, "Xing", True, "Café à l’aube – 夜明けの歌"),
}
total = 0
print(f"{'file':29}{'bytes':>7}{'ms':>7}{'rate':>7} ch {'frames':>6} head tag          title")
for name, (rate, channels, v2, v1, head, vbr, title) in WANT.items():
    path = os.path.join(where, name)
    data = open(path, "rb").read()
    got, info = parse(data), probe(path)
    audio = [s for s in info["streams"] if s["codec_type"] == "audio"][0]
    tags = {k.lower(): v for k, v in info["format"].get("tags", {}).items()}
    have = (got["rate"], got["channels"], got["v2"], got["v1"], got["head"], len(got["kbps"]) > 1)
    assert have == (rate, channels, v2, v1, head, vbr), (name, have)
    assert (int(audio["sample_rate"]), audio["channels"]) == (rate, channels), name
    assert tags.get("title") == title, (name, tags)
    assert "TSSE" not in got["tags"] and "encoder" not in tags, name
    if title is None:
        assert not tags and b"TAG" not in data and b"ID3" not in data and b"APETAGEX" not in data, tags
    elif v2:
        need = {"TIT2", "TPE1", "TALB", "TCON"}
        assert need <= set(got["tags"]), (name, set(got["tags"]))
        code, text = got["tags"]["TIT2"][0], got["tags"]["TIT2"][1:].rstrip(b"\0")
        assert text.decode({0: "latin-1", 1: "utf-16", 3: "utf-8"}[code]) == title, name
        assert title.isascii() or code == 3, name
    else:
        assert data[-125:-95].rstrip(b"\0 ").decode("latin-1") == title, name
    if "cover" in name:
        picture = open(os.path.join(where, "cover.jpg"), "rb").read()
        assert got["tags"]["APIC"].endswith(picture), "embedded cover is not cover.jpg"
    else:
        assert "APIC" not in got["tags"], name
    ms = round(float(audio["duration"]) * 1000)
    counted = got["frames"] * got["spf"] * 1000 / rate
    assert abs(ms - counted) <= 60, (name, ms, counted)
    assert 3000 <= ms <= 8000 and len(data) < 120_000, (name, ms, len(data))
    total += len(data)
    tag = f"ID3v2.{v2}" if v2 else "ID3v1" if v1 else "none"
    print(f"{name:29}{len(data):7}{ms:7}{rate:7} {channels:2} {got['frames']:6} {head or '-':4} {tag:12} {title or '-'}")

jpg = open(os.path.join(where, "cover.jpg"), "rb").read()
assert jpg[:3] == b"\xff\xd8\xff" and b"Exif\0\0" in jpg and b"moodify-exif-canary" in jpg
gps = subprocess.run(["exiftool", "-n", "-s3", "-EXIF:GPSLatitude", "-EXIF:GPSLongitude",
                      os.path.join(where, "cover.jpg")], check=True, stdout=subprocess.PIPE).stdout.split()
assert [round(float(v), 4) for v in gps] == [48.8584, 2.2945], gps
png = open(os.path.join(where, "cover.png"), "rb").read()
assert struct.unpack(">IIBB", png[16:26]) == (640, 400, 8, 6), "cover.png is not 640x400 RGBA"
v = probe(os.path.join(where, "cover.jpg"))["streams"][0]
assert (v["width"], v["height"]) == (600, 600)
for name, data in (("cover.jpg", jpg), ("cover.png", png)):
    assert len(data) < 120_000, name
    total += len(data)
    print(f"{name:29}{len(data):7}")
print(f"{'all':29}{total:7}")
assert total < 580_000
PY

echo "checking"
python3 "$tmp/check.py" "$tmp/done"
for f in "$tmp"/done/*; do
    install -m 644 "$f" "$out/"
done
