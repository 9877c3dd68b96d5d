# What the generators of sample files share. With -v seed=N, the same seed gives the same files with every awk,
# whose own random numbers differ.
function random(below) {
    state = (state * 16807) % 2147483647
    return int(state / 2147483647 * below)
}
function pick(list,    words, n) {
    n = split(list, words, " ")
    return words[random(n) + 1]
}
function byte(code) { return sprintf("%c", code) }
function half(text) { return substr(text, 1, int(length(text) * 0.6)) }
BEGIN { state = 1000003 + seed; for (i = 0; i < 10; i++) random(2) }
