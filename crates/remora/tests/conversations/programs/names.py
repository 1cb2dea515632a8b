"""Has names that are not ASCII."""


def größe_von(wörter):
    länge = len(wörter)
    ಸಂಖ್ಯೆ = länge * 2
    return ಸಂಖ್ಯೆ  # here


print(größe_von(["ein", "zwei"]))
print("ends")  # last
