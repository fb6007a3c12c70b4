import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submissions.names import Name, assign, clean, show

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
RUN_FILES = {"index.html", "scores.csv", "junit.xml", "summary.md", "run.json", "journal.sqlite", "grader.log"}
ALIKE = st.sampled_from(
    [
        "ada",
        "Ada",
        "ADA",
        "ada ",
        " ada",
        "ada.zip",
        "Ada.ZIP",
        "a\u030ada",
        "\u00e5da",
        "Åda",
        "ａｄａ",
        "ad\u200ba",
        "ad\u202ea",
    ]
)
HARD = st.sampled_from(
    [*sorted(RUN_FILES), "INDEX.HTML", "con", "NUL.txt", "com1", "-rf", "李明", "._", "...", "x" * 300, "ada-1a2b3c4d", "\udcff"]
)
FILES = st.lists(st.one_of(ALIKE, HARD, st.text(min_size=1, max_size=12).filter(lambda text: "/" not in text)), max_size=12)


def named(file: str, place: str = "/inbox") -> Name:
    stem = file[:-4] if file.lower().endswith(".zip") and len(file) > 4 else file
    return Name(file, stem, f"{place}/{file}")


def one(file: str) -> tuple[str, str]:
    return assign([named(file)])[0]


@settings(deadline=None)
@given(FILES)
def test_folders_are_safe_and_unlike_each_other_on_any_disk(files: list[str]) -> None:
    names = [named(file, f"/inbox{number}") for number, file in enumerate(files)]
    folders = [folder for _, folder in assign(names)]
    assert all(SAFE.match(folder) and not folder.endswith(".") for folder in folders)
    assert len({unicodedata.normalize("NFKC", folder).casefold() for folder in folders}) == len(folders)
    assert not {folder.lower() for folder in folders} & RUN_FILES
    assert not any(re.fullmatch(r"con|nul|aux|prn|com\d|lpt\d", folder.lower().split(".")[0]) for folder in folders)


@settings(deadline=None)
@given(FILES, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order(files: list[str], random) -> None:
    names = [named(file, f"/inbox{number}") for number, file in enumerate(files)]
    expected = dict(zip(names, assign(names), strict=True))
    random.shuffle(names)
    assert dict(zip(names, assign(names), strict=True)) == expected


@settings(deadline=None)
@given(FILES)
def test_students_are_told_apart_and_keep_their_letters_and_digits(files: list[str]) -> None:
    names = [named(file, f"/inbox{number}") for number, file in enumerate(files)]
    students = [student for student, _ in assign(names)]
    assert len(set(students)) == len(students)
    for name, student in zip(names, students, strict=True):
        letters = "".join(character for character in name.stem if character.isalnum())
        assert "".join(character for character in student if character.isalnum()).startswith(letters) or student == "unnamed"


@settings(deadline=None)
@given(st.text())
def test_a_cleaned_name_is_one_line_without_control_or_format_characters(text: str) -> None:
    cleaned = clean(text)
    assert cleaned
    assert cleaned.strip() == cleaned
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in cleaned)


def test_a_plain_name_is_its_own_folder() -> None:
    assert one("ada-lovelace_2") == ("ada-lovelace_2", "ada-lovelace_2")


def test_a_zip_is_called_without_its_ending() -> None:
    assert one("ada.zip") == ("ada", "ada")


def test_a_changed_name_carries_a_hash() -> None:
    student, folder = one("Zoë Müller")
    assert student == "Zoë Müller"
    assert re.fullmatch(r"Zoe_Muller-[0-9a-f]{8}", folder)


def test_a_folder_and_a_zip_of_one_name_stay_apart() -> None:
    (folder_student, folder), (zip_student, zip_folder) = assign([Name("ada", "ada", "/in/ada"), named("ada.zip")])
    assert (folder_student, zip_student) == ("ada", "ada.zip")
    assert folder != zip_folder


def test_the_same_name_from_two_classes_stays_apart() -> None:
    (first, first_folder), (second, second_folder) = assign([named("ada", "/morning"), named("ada", "/evening")])
    assert first != second
    assert first_folder != second_folder
    assert first.startswith("ada (")


def test_a_name_made_to_look_like_anothers_folder_does_not_take_it() -> None:
    taken = assign([named("Ada"), named("ada")])[0][1]
    folders = [folder.lower() for _, folder in assign([named("Ada"), named("ada"), named(taken)])]
    assert len(set(folders)) == 3


def test_a_long_path_is_cut_in_a_message() -> None:
    assert len(show("a" * 500)) <= 121
    assert show("a\x1b[2Jb\n") == "a[2Jb"
